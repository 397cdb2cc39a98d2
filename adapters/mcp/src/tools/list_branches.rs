//! `list_branches`: list the branches that the caller may see.

use super::branch_view::BranchView;
use crate::{
    room::Room,
    scope::RequestScope,
    tool::{CallError, Tool, json},
};
use async_trait::async_trait;
use domain::{
    Action, Branch,
    page::{Page, PageRequest},
};
use ports::driving::{ListBranches, UseCase};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Lists branches.
pub(crate) struct ListBranchesTool {
    pub(crate) use_case: Arc<dyn UseCase<ListBranches>>,
    pub(crate) max_bytes: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Bytes that a cursor may take, and what stands around the branches.
pub(crate) const CURSOR: u64 = 400;

/// A page of branches.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Branches {
    #[serde(rename = "branches")]
    items: Vec<BranchView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// How to get the next page, for whoever has no argument to put the cursor in.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Branches {
    /// The same with a word on how to go on from its cursor.
    pub(crate) fn leading_on(self, next: impl FnOnce(&str) -> String) -> Self {
        Self { next: self.next_cursor.as_deref().map(next), ..self }
    }

    /// A page of branches in so many bytes. Where fewer fit than were asked for, it is asked for again as a page of as many: only so does the next one begin
    /// behind the last that is shown. One is always shown, for without one no page would lead on.
    pub(crate) async fn ask(
        use_case: &dyn UseCase<ListBranches>,
        scope: &RequestScope,
        mut page: PageRequest,
        max_bytes: u64,
    ) -> Result<Self, CallError> {
        let mut truncated = false;
        loop {
            let found = scope.ask(use_case, ListBranches { page: page.clone() }).await?;
            match Self::held(&found, truncated, max_bytes) {
                Ok(branches) => return Ok(branches),
                Err(fitting) => page.limit = fitting.min(page.limit - 1),
            }
            truncated = true;
        }
    }

    /// The page, or how many of its branches fit.
    fn held(page: &Page<Branch>, truncated: bool, max_bytes: u64) -> Result<Self, u32> {
        let told = Self { items: page.items.iter().map(BranchView::of).collect(), next_cursor: page.next_cursor.clone(), truncated, next: None };
        if json(&told).len() as u64 <= max_bytes || told.items.len() == 1 {
            return Ok(told);
        }
        let (fitting, _) = Room::of(max_bytes.saturating_sub(CURSOR)).hold(told.items);
        Err(u32::try_from(fitting.len()).unwrap_or(u32::MAX).max(1))
    }
}

#[async_trait]
impl Tool for ListBranchesTool {
    const ACTION: Action = Action::ListBranches;
    const TITLE: &'static str = "List branches";
    const DESCRIPTION: &'static str =
        "List the branches of the database that you may see: main first, then the newest first. Data tools take a branch's slug or id as `branch`.";
    type Input = Input;
    type Output = Branches;

    fn input_schema() -> Value {
        serde_json::json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "limit": {"type": "integer", "minimum": 1, "maximum": PageRequest::MAX_LIMIT, "description": "branches at most"},
                "cursor": {"type": "string", "description": "nextCursor of the page before"}
            }
        })
    }

    fn output_schema() -> Value {
        serde_json::json!({
            "type": "object",
            "required": ["branches"],
            "properties": {
                "branches": {"type": "array", "items": BranchView::schema()},
                "nextCursor": {"type": "string"},
                "truncated": {"type": "boolean", "description": "fewer than limit, for their size"}
            }
        })
    }

    async fn call(&self, scope: &RequestScope, input: Input) -> Result<Branches, CallError> {
        let page = PageRequest::new(input.limit, input.cursor)?;
        Branches::ask(&*self.use_case, scope, page, self.max_bytes).await
    }
}
