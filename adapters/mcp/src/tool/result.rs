//! What a call answers, whoever writes it.

use super::{CallError, public};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// Something a tool answers: structured content, and the same as text.
pub(crate) trait Answer: Serialize + Send {
    /// The text blocks.
    fn texts(&self) -> Vec<String> {
        vec![json(self)]
    }
}

/// A value as JSON text.
pub(crate) fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("answers have texts for keys")
}

/// The result of a call: of one that went well, or of one that a model can learn from.
#[derive(Debug)]
pub(crate) struct ToolResult {
    /// The text blocks.
    pub(crate) texts: Vec<String>,
    /// The structured content, as JSON text.
    pub(crate) structured: Option<Box<RawValue>>,
    /// Whether it failed.
    pub(crate) is_error: bool,
}

impl ToolResult {
    /// The result of a call that went well.
    pub(crate) fn of(answer: &impl Answer) -> Self {
        let structured = to_raw_value(answer).expect("answers have texts for keys");
        Self { texts: answer.texts(), structured: Some(structured), is_error: false }
    }

    /// The result of a call that failed. It has no structured content, since that would have to be what the output schema says.
    pub(crate) fn of_error(error: &CallError, request_id: &str) -> Self {
        Self { texts: vec![json(&public(error, request_id))], structured: None, is_error: true }
    }
}

/// As it goes over the wire. `resultType` belongs to the newest revision only.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireResult<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    content: Vec<TextBlock<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<&'a RawValue>,
    is_error: bool,
}

#[derive(Serialize)]
struct TextBlock<'a> {
    r#type: &'static str,
    text: &'a str,
}

impl ToolResult {
    /// The result as a message has it.
    pub(crate) fn on_wire(&self, result_type: Option<&'static str>) -> WireResult<'_> {
        WireResult {
            result_type,
            content: self.texts.iter().map(|text| TextBlock { r#type: "text", text }).collect(),
            structured_content: self.structured.as_deref(),
            is_error: self.is_error,
        }
    }
}
