//! A JSON body as poem-openapi takes it.

use super::{Fields, FromFields, is_json, read_body, unique_keys::UniqueKeys};
use crate::problem::Problem;
use bytes::Bytes;
use http::StatusCode;
use poem::{Body, Request, RequestBody, Result};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaMediaType, MetaRequest, Registry},
    types::Type,
};

/// How many bytes a body may have, among the request's data.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimit {
    /// As a rule.
    pub(crate) plain: usize,
    /// With files in it.
    pub(crate) large: usize,
}

/// A JSON object, read without a fault.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: FromFields> JsonBody<T> {
    async fn read(request: &Request, body: Body) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "expected a body of type application/json"));
        }
        let limit = request.data::<BodyLimit>().map_or(0, |limit| if T::LARGE { limit.large } else { limit.plain });
        let mut bytes = read_body(request.headers(), body, limit).await?;
        if T::OPTIONAL && bytes.is_empty() {
            bytes = Bytes::from_static(b"{}");
        }
        let UniqueKeys(value) = serde_json::from_slice(&bytes)
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "invalid_json", format!("the body is not valid JSON: {error}")))?;
        Fields::read(value).map(Self).map_err(|faults| {
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", domain::Failure::Invalid(faults.clone()).to_string());
            problem.errors(faults)
        })
    }
}

impl<'a, T: FromFields> ApiExtractor<'a> for JsonBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::Document::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = MetaMediaType { content_type: "application/json", schema: T::Document::schema_ref() };
        Some(MetaRequest { description: None, content: vec![content], required: !T::OPTIONAL })
    }

    async fn from_request(request: &'a Request, body: &mut RequestBody, _options: ExtractParamOptions<()>) -> Result<Self> {
        Ok(Self::read(request, body.take()?).await?)
    }
}
