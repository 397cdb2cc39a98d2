//! What a call answers, whoever writes it.

use super::{CallError, public};
use crate::foreign_text::spelled_out;
use serde::Serialize;

/// Something a tool answers: structured content, and the same as text.
pub(crate) trait Answer: Send {
    /// The structured content, as JSON text.
    fn structured(&self) -> String;
    /// The text blocks.
    fn texts(&self, structured: &str) -> Vec<String> {
        vec![structured.to_owned()]
    }
    /// Whether it tells that what was asked for did not come about.
    fn is_error(&self) -> bool {
        false
    }
}

/// Values that serde writes as a whole.
impl<T: Serialize + Send> Answer for T {
    fn structured(&self) -> String {
        json(self)
    }
}

/// A value as JSON text, in which everything is seen.
pub(crate) fn json(value: &(impl Serialize + ?Sized)) -> String {
    spelled_out(serde_json::to_string(value).expect("answers have texts for keys"))
}

/// The result of a call: of one that went well, or of one that a model can learn from.
#[derive(Debug)]
pub(crate) struct ToolResult {
    /// The text blocks.
    pub(crate) texts: Vec<String>,
    /// The structured content, as JSON text.
    pub(crate) structured: Option<String>,
    /// Whether it failed.
    pub(crate) is_error: bool,
}

impl ToolResult {
    /// The result of a call that was carried out.
    pub(crate) fn of(answer: &impl Answer) -> Self {
        let structured = answer.structured();
        Self { texts: answer.texts(&structured), structured: Some(structured), is_error: answer.is_error() }
    }

    /// The result of a call that failed. It has no structured content, since that would have to be what the output schema says.
    pub(crate) fn of_error(error: &CallError, request_id: &str) -> Self {
        Self { texts: vec![json(&public(error, request_id))], structured: None, is_error: true }
    }
}
