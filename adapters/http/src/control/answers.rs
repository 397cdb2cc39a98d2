//! Answers with a status of their own.

use http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::{
    ApiResponse,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::ToJSON,
};

/// A JSON document under a status. Nothing on the way may keep it: it may hold secrets.
pub(crate) struct Answer<const STATUS: u16, T>(pub(crate) T);

/// Nothing more to say.
pub(crate) struct NoContent;

const fn described(status: u16) -> &'static str {
    match status {
        201 => "It was made.",
        202 => "It has begun; the operation tells how it gets on.",
        204 => "It was done.",
        _ => "What was asked for.",
    }
}

fn meta(status: u16, content: Vec<MetaMediaType>) -> MetaResponses {
    let response = MetaResponse { description: described(status), status: Some(status), status_range: None, content, headers: Vec::new() };
    MetaResponses { responses: vec![response] }
}

impl<const STATUS: u16, T: ToJSON> ApiResponse for Answer<STATUS, T> {
    fn meta() -> MetaResponses {
        meta(STATUS, vec![MetaMediaType { content_type: "application/json", schema: T::schema_ref() }])
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<const STATUS: u16, T: ToJSON> IntoResponse for Answer<STATUS, T> {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(STATUS).expect("a status");
        let response = Response::builder().status(status).content_type("application/json; charset=utf-8");
        response.header(header::CACHE_CONTROL, HeaderValue::from_static("no-store")).body(self.0.to_json_string())
    }
}

impl ApiResponse for NoContent {
    fn meta() -> MetaResponses {
        meta(204, Vec::new())
    }

    fn register(_registry: &mut Registry) {}
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        Response::builder().status(StatusCode::NO_CONTENT).finish()
    }
}
