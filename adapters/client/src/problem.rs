//! A server's refusal (RFC 9457), as it was received.

use domain::Fault;
use serde::Deserialize;
use std::{fmt, time::Duration};

/// A problem document of a Fluxbase server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: String,
    /// What is wrong, for people.
    pub detail: String,
    /// What to do next, where the server says so.
    pub hint: Option<String>,
    /// The faults of the request, each with its place.
    pub errors: Vec<Fault>,
    /// When it is worth trying again.
    pub retry_after: Option<Duration>,
    /// What the server's log has it under.
    pub request_id: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Problem {
    /// Reads a document; `None` for a body that is none of Fluxbase's, whose documents all have a code.
    pub(crate) fn read(status: u16, body: &[u8], header: impl Fn(&str) -> Option<String>) -> Option<Self> {
        #[derive(Deserialize)]
        struct Document {
            code: String,
            detail: String,
            #[serde(default)]
            hint: Option<String>,
            #[serde(default)]
            errors: Vec<Fault>,
        }
        let document: Document = serde_json::from_slice(body).ok()?;
        Some(Self {
            status,
            code: document.code,
            detail: document.detail,
            hint: document.hint,
            errors: document.errors,
            retry_after: header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs),
            request_id: header("x-request-id"),
        })
    }
}
