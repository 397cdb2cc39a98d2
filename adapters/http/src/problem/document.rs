//! The document itself, and how it is described in the OpenAPI document.

use domain::{Fault, failure::Candidate};
use http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::{
    ApiResponse, Object,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};
use serde::Serialize;
use std::{borrow::Cow, time::Duration};

/// Content type of problem documents.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was refused, ready to be sent. It holds public text only.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    hint: Option<String>,
    details: Option<String>,
    errors: Vec<Fault>,
    candidates: Vec<Candidate>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem by its status, its stable code, and a sentence for people.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.into(),
            detail: detail.into(),
            hint: None,
            details: None,
            errors: Vec::new(),
            candidates: Vec::new(),
            headers: Vec::new(),
        }))
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The code.
    pub(crate) fn code(&self) -> &str {
        &self.0.code
    }

    /// The same with another status, where the place says more than the refusal itself.
    #[must_use]
    pub(crate) fn status_instead(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: Option<String>) -> Self {
        self.0.hint = hint;
        self
    }

    /// Adds PostgreSQL's detail.
    #[must_use]
    pub fn details(mut self, details: Option<String>) -> Self {
        self.0.details = details;
        self
    }

    /// Adds the faults, each with its place.
    #[must_use]
    pub fn errors(mut self, errors: Vec<Fault>) -> Self {
        self.0.errors = Fault::told(errors);
        self
    }

    /// Adds what could be meant.
    #[must_use]
    pub fn candidates(mut self, candidates: Vec<Candidate>) -> Self {
        self.0.candidates = candidates;
        self
    }

    /// Adds a header; a value that no header can have is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        if let Ok(value) = value.try_into() {
            self.0.headers.push((name, value));
        }
        self
    }

    /// Says when it is worth trying again.
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        // Rounded up: half a second later it would be too early.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// The document as it is sent.
    pub(crate) fn json(&self) -> Vec<u8> {
        let parts = &*self.0;
        let document = Document {
            r#type: "about:blank",
            title: parts.status.canonical_reason().unwrap_or("Refused"),
            status: parts.status.as_u16(),
            detail: &parts.detail,
            message: &parts.detail,
            code: &parts.code,
            errors: &parts.errors,
            candidates: &parts.candidates,
            details: parts.details.as_deref(),
            hint: parts.hint.as_deref(),
        };
        serde_json::to_vec(&document).expect("texts and numbers are JSON")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::builder().status(self.status()).content_type(PROBLEM_JSON).body(self.json());
        for (name, value) in self.0.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        Self::from_response(problem.into_response())
    }
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    message: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Fault],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    candidates: &'a [Candidate],
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// Why a request was refused (RFC 9457). Programs go by `status` and `code`; the rest is for people.
#[derive(Object)]
#[oai(rename = "Problem")]
pub(crate) struct ProblemDocument {
    /// Always `about:blank`: `code` says more.
    #[oai(rename = "type")]
    pub(crate) kind: String,
    /// The status in words.
    pub(crate) title: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// What is wrong, and what would be right.
    pub(crate) detail: String,
    /// The same text under the name that clients made for PostgREST look for.
    pub(crate) message: String,
    /// A stable code. Refusals of PostgreSQL carry their SQLSTATE.
    pub(crate) code: String,
    /// The faults of the request, each with its place.
    pub(crate) errors: Option<Vec<FaultDocument>>,
    /// What an ambiguous embed could mean.
    pub(crate) candidates: Option<Vec<CandidateDocument>>,
    /// PostgreSQL's detail.
    pub(crate) details: Option<String>,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

/// One fault of a request.
#[derive(Object)]
#[oai(rename = "Fault")]
pub(crate) struct FaultDocument {
    /// JSON pointer into the body, or a slash and the name of the query parameter.
    pub(crate) pointer: String,
    /// What is wrong, and what would be right.
    pub(crate) message: String,
}

/// A relationship that an ambiguous embed could mean.
#[derive(Object)]
#[oai(rename = "Candidate")]
pub(crate) struct CandidateDocument {
    /// `many-to-one`, `one-to-many`, `one-to-one` or `many-to-many`.
    pub(crate) cardinality: String,
    /// The foreign key, as `table(columns)` on both sides.
    pub(crate) relationship: String,
    /// What to write behind `!` to mean this one.
    pub(crate) hint: String,
}

/// The refusals that any route may give.
const ANYWHERE: &[(u16, &str)] = &[
    (400, "The request cannot be understood."),
    (401, "No credential, or one that is not good. `WWW-Authenticate` says what is asked for."),
    (403, "The credential does not reach that far."),
    (404, "There is no such thing, or not for this caller."),
    (409, "It contradicts the present state, or a limit is reached."),
    (413, "The body is too large."),
    (415, "The body is of a type that this route does not take."),
    (422, "Values that are understood and refused, each with its place."),
    (429, "Too many requests; `Retry-After` says when to try again."),
    (500, "Our fault. The log has the cause under the request's id."),
    (503, "Not now; `Retry-After` says when to try again. Without it the request may have been carried out: look before you send it again."),
];

/// Describes refusals by their statuses.
pub(crate) fn described(statuses: &[(u16, &'static str)]) -> Vec<MetaResponse> {
    statuses
        .iter()
        .map(|(status, description)| MetaResponse {
            description,
            status: Some(*status),
            status_range: None,
            content: vec![MetaMediaType { content_type: PROBLEM_JSON, schema: ProblemDocument::schema_ref() }],
            headers: Vec::new(),
        })
        .collect()
}

impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        MetaResponses { responses: described(ANYWHERE) }
    }

    fn register(registry: &mut Registry) {
        ProblemDocument::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, ProblemDocument};
    use domain::{Fault, failure::Candidate};
    use http::StatusCode;
    use poem::IntoResponse;
    use poem_openapi::types::{ParseError, ParseFromJSON};
    use std::time::Duration;

    #[tokio::test]
    async fn a_full_problem_is_what_the_schema_describes() {
        let candidate = Candidate { cardinality: "many-to-one", relationship: "a(b) and c(d)".to_owned(), hint: "fk".to_owned() };
        let response = Problem::new(StatusCode::MULTIPLE_CHOICES, "ambiguous", "which one?")
            .hint(Some("say which".to_owned()))
            .details(Some("more".to_owned()))
            .errors(vec![Fault::new("/a", "wrong")])
            .candidates(vec![candidate])
            .retry_after(Duration::from_millis(1100))
            .into_response();
        assert_eq!((response.status(), response.content_type()), (StatusCode::MULTIPLE_CHOICES, Some("application/problem+json")));
        assert_eq!(response.header("retry-after"), Some("2"));
        let json: serde_json::Value = response.into_body().into_json().await.unwrap();
        let document = ProblemDocument::parse_from_json(Some(json)).map_err(ParseError::into_message).unwrap();
        assert_eq!((document.kind.as_str(), document.status, document.code.as_str()), ("about:blank", 300, "ambiguous"));
        assert_eq!((document.title.as_str(), document.detail.as_str(), document.message.as_str()), ("Multiple Choices", "which one?", "which one?"));
        assert_eq!(document.errors.unwrap()[0].pointer, "/a");
        assert_eq!(document.candidates.unwrap()[0].hint, "fk");
        assert_eq!((document.details.as_deref(), document.hint.as_deref()), (Some("more"), Some("say which")));
    }
}
