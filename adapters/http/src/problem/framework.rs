//! What poem refuses by itself, as problems: routes, methods, parameters.

use super::Problem;
use domain::Fault;
use http::StatusCode;
use poem::{Error, IntoResponse, Response};
use poem_openapi::error::{ParseParamError, ParsePathError};
use std::any::Any;

/// The response for an error of the framework; our own problems pass as they are.
pub(crate) fn from_framework(error: Error, request_id: &str) -> Response {
    if error.is_from_response() {
        return error.into_response();
    }
    if let Some(param) = error.downcast_ref::<ParseParamError>() {
        return parameter(param.name, &param.reason).into_response();
    }
    if let Some(path) = error.downcast_ref::<ParsePathError>() {
        return parameter(path.name, &path.reason).into_response();
    }
    let status = error.status();
    let problem = match status {
        StatusCode::NOT_FOUND => Problem::new(status, "no_such_route", "there is no such route; /openapi.json lists those that there are"),
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(status, "method_not_allowed", "this route does not have that method"),
        _ if status.is_client_error() => Problem::new(status, "bad_request", error.to_string()),
        _ => {
            tracing::error!(request.id = request_id, cause = %error, "internal error");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error")
        }
    };
    problem.into_response()
}

fn parameter(name: &str, reason: &str) -> Problem {
    let fault = Fault::new(format!("/{name}"), reason);
    Problem::new(StatusCode::BAD_REQUEST, "invalid_parameter", format!("parameter '{name}': {reason}")).errors(vec![fault])
}

/// The response for a handler that panicked.
pub(crate) fn panicked(panic: &(dyn Any + Send), request_id: &str) -> Response {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    tracing::error!(request.id = request_id, panic = message, "a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error").into_response()
}
