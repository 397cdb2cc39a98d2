//! Refusals of HTTP requests as problem documents (RFC 9457).

use super::hosts::ForeignRequest;
use crate::message::RpcError;
use domain::Failure;
use http::{StatusCode, header};
use poem::Response;
use serde::Serialize;
use std::time::Duration;

/// A refusal on the level of HTTP. What goes wrong in a message is answered by a message.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    headers: Vec<(header::HeaderName, String)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), headers: Vec::new() }
    }

    /// The same with another sentence.
    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    pub(crate) fn with(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The credentials are missing or not good. Which of the two, and why, is not told.
    pub(crate) fn unauthenticated(shown: bool) -> Self {
        let challenge = if shown { r#"Bearer realm="fluxbase", error="invalid_token""# } else { r#"Bearer realm="fluxbase""# };
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "one good credential is needed: X-API-Key, X-Service-Key or Authorization: Bearer")
            .with(header::WWW_AUTHENTICATE, challenge)
    }

    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("only {allowed} is served here")).with(header::ALLOW, allowed)
    }

    fn unavailable(detail: String, retry_after: Option<Duration>) -> Self {
        let seconds = retry_after.map_or(1, |after| after.as_secs().max(1));
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).with(header::RETRY_AFTER, seconds.to_string())
    }

    /// Why a principal could not be had.
    pub(crate) fn of_authentication(failure: &Failure, shown: bool) -> Self {
        match failure {
            Failure::Unauthenticated { .. } => Self::unauthenticated(shown),
            Failure::Denied(denied) => Self::new(StatusCode::FORBIDDEN, denied.code(), denied.to_string()),
            Failure::Unavailable { reason, retry_after, source } => {
                tracing::warn!(reason, source = source.as_deref().map(tracing::field::display), "a credential cannot be checked now");
                Self::unavailable(reason.clone(), *retry_after)
            }
            other => {
                tracing::error!(error = other as &(dyn std::error::Error + 'static), "a credential could not be checked");
                Self::internal()
            }
        }
    }

    /// The same as an answer to one message among others.
    pub(crate) fn as_message_error(&self) -> RpcError {
        if self.status.is_server_error() { RpcError::internal(&self.detail) } else { RpcError::invalid_request(&self.detail) }
    }

    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error")
    }
}

impl From<ForeignRequest> for Problem {
    fn from(foreign: ForeignRequest) -> Self {
        match foreign {
            ForeignRequest::NoHost => Self::new(StatusCode::BAD_REQUEST, "bad_host", "the Host header is missing or cannot be read"),
            ForeignRequest::Host => Self::new(StatusCode::FORBIDDEN, "host_not_allowed", "this server is not known by the name in the Host header"),
            ForeignRequest::Origin => Self::new(StatusCode::FORBIDDEN, "origin_not_allowed", "pages of this origin may not send requests here"),
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    /// The same text under the name that clients made for PostgREST look for, as at every other door.
    message: &'a str,
    code: &'a str,
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let document = Document {
            r#type: "about:blank",
            title: problem.status.canonical_reason().unwrap_or_default(),
            status: problem.status.as_u16(),
            detail: &problem.detail,
            message: &problem.detail,
            code: problem.code,
        };
        let body = serde_json::to_vec(&document).expect("a document of texts can be written");
        let builder = Self::builder().status(problem.status).content_type("application/problem+json");
        problem.headers.into_iter().fold(builder, |builder, (name, value)| builder.header(name, value)).body(body)
    }
}
