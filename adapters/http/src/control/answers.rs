//! Answers with a status of their own.

use crate::documents::{BranchWithOperation, OperationDocument, StartedDeleteDocument};
use http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::{
    ApiResponse,
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::{ToJSON, Type},
};
use uuid::Uuid;

/// A JSON document under a status. Nothing on the way may keep it: it may hold secrets.
pub(crate) struct Answer<const STATUS: u16, T>(pub(crate) T);

/// Something that has begun; `Location` is where its operation tells how it gets on.
pub(crate) struct Begun<T>(pub(crate) T);

/// A document that tells of an operation.
pub(crate) trait OfOperation: ToJSON {
    /// The operation's id.
    fn operation_id(&self) -> Uuid;
}

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

impl OfOperation for BranchWithOperation {
    fn operation_id(&self) -> Uuid {
        self.operation.id
    }
}

impl OfOperation for StartedDeleteDocument {
    fn operation_id(&self) -> Uuid {
        self.operation.id
    }
}

impl OfOperation for OperationDocument {
    fn operation_id(&self) -> Uuid {
        self.id
    }
}

impl<T: OfOperation> ApiResponse for Begun<T> {
    fn meta() -> MetaResponses {
        let mut meta = Answer::<202, T>::meta();
        meta.responses[0].headers.push(MetaHeader {
            name: "Location".to_owned(),
            description: Some("Where the operation is.".to_owned()),
            required: true,
            deprecated: false,
            schema: String::schema_ref(),
        });
        meta
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: OfOperation> IntoResponse for Begun<T> {
    fn into_response(self) -> Response {
        let location = format!("/api/v1/admin/operations/{}", self.0.operation_id());
        let mut response = Answer::<202, T>(self.0).into_response();
        response.headers_mut().insert(header::LOCATION, HeaderValue::try_from(location).expect("an id is visible ASCII"));
        response
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
