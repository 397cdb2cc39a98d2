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
    let reason = in_words(reason);
    let fault = Fault::new(format!("/{name}"), reason);
    Problem::new(StatusCode::BAD_REQUEST, "invalid_parameter", format!("parameter '{name}': {reason}")).errors(vec![fault])
}

/// What the framework says of a value, without the names of its types.
fn in_words(reason: &str) -> &str {
    match reason.strip_prefix("failed to parse \"").and_then(|rest| rest.split_once('"')) {
        Some(("boolean", _)) => "must be true or false",
        Some((number, _)) if number.starts_with("integer") => "must be a whole number that is not negative",
        Some((id, _)) if id.contains("uuid") => "must be an id, such as 6f0c8f0e-7c9b-4b0e-9a55-2f1f6a3c1d11",
        _ => reason,
    }
}

/// The response for a handler that panicked.
pub(crate) fn panicked(panic: &(dyn Any + Send), request_id: &str) -> Response {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    tracing::error!(request.id = request_id, panic = message, "a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error").into_response()
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn types_of_the_framework_are_not_named() {
        for (reason, words) in [
            (
                r#"failed to parse "boolean": provided string was not `true` or `false` (occurred while parsing "optional_boolean")"#,
                "must be true or false",
            ),
            (r#"failed to parse "integer(uint32)": invalid digit found in string"#, "must be a whole number that is not negative"),
            ("is required", "is required"),
        ] {
            assert_eq!(in_words(reason), words);
        }
    }
}
