//! What a write answers.

use crate::{
    rows::{beside, gather},
    tool::{Answer, CallError, json},
};
use ports::driven::Written;
use serde::Serialize;
use serde_json::{Value, json};

/// What was written.
#[derive(Debug)]
pub(crate) struct Change {
    summary: Summary,
    /// An array, as JSON text.
    rows: Option<String>,
}

#[derive(Debug, Serialize)]
struct Summary {
    affected: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    inserted: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

impl Change {
    /// The JSON Schema of a change.
    pub(super) fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["affected"],
            "properties": {
                "affected": {"type": "integer"},
                "inserted": {"type": "integer"},
                "dry_run": {"type": "boolean"},
                "truncated": {"type": "boolean"},
                "rows": {"type": "array", "items": {"type": "object"}}
            }
        })
    }

    /// Gathers what came of a write. It is committed by now: rows that are too many to show are no failure.
    pub(super) async fn of(written: Written, dry_run: bool, max_bytes: u64) -> Result<Self, CallError> {
        let mut summary = Summary { affected: written.affected, inserted: written.inserted, dry_run, truncated: false };
        let Some(document) = written.document else { return Ok(Self { summary, rows: None }) };
        let gathered = gather(document, max_bytes, None).await?;
        summary.truncated = gathered.rows.truncated;
        Ok(Self { summary, rows: Some(gathered.rows.json) })
    }

    /// The same without the number of new rows, which says nothing where none can be new.
    pub(super) fn without_inserted(mut self) -> Self {
        self.summary.inserted = None;
        self
    }
}

impl Answer for Change {
    fn structured(&self) -> String {
        let summary = json(&self.summary);
        self.rows.as_ref().map_or_else(|| summary.clone(), |rows| beside(rows, &summary))
    }

    fn texts(&self, _: &str) -> Vec<String> {
        self.rows.iter().cloned().chain([json(&self.summary)]).collect()
    }
}
