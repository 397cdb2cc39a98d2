//! Branches as models are shown them.

use crate::foreign_text::message;
use domain::Branch;
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A branch, in short.
#[derive(Debug, Serialize)]
pub(crate) struct BranchView {
    slug: String,
    name: String,
    id: String,
    status: &'static str,
    #[serde(rename = "type")]
    branch_type: &'static str,
    data_clone_mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    expires_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u32>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    data_as_of: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    protected: bool,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    undo_until: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl BranchView {
    /// The JSON Schema of a branch.
    pub(super) fn schema() -> Value {
        json!({"type": "object", "properties": {"slug": {"type": "string"}, "status": {"type": "string"}}})
    }

    pub(crate) fn of(branch: &Branch) -> Self {
        Self {
            slug: branch.slug.to_string(),
            name: branch.name.to_string(),
            id: branch.id.to_string(),
            status: branch.state.status().name(),
            branch_type: branch.branch_type.name(),
            data_clone_mode: branch.clone_mode.name(),
            parent_id: branch.parent_id.map(|id| id.to_string()),
            created_by: branch.created_by.map(|id| id.to_string()),
            created_at: branch.created_at,
            updated_at: branch.updated_at,
            expires_at: branch.expires_at,
            generation: branch.state.serving().map(domain::Generation::number),
            data_as_of: branch.data_as_of,
            protected: branch.keeps_its_data(),
            undo_until: branch.previous.as_ref().map(|previous| previous.until),
            operation_id: branch.state.operation().map(|id| id.to_string()),
            error: branch.state.error().map(message),
        }
    }
}
