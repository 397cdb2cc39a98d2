//! `list_branches`: list the branches that the caller may see.

use super::branch_view::BranchView;
use crate::{
    scope::RequestScope,
    tool::{CallError, Tool},
};
use async_trait::async_trait;
use domain::{
    Action, Branch,
    page::{Page, PageRequest},
};
use ports::driving::{ListBranches, UseCase};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Lists branches.
pub(crate) struct ListBranchesTool(pub(crate) Arc<dyn UseCase<ListBranches>>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// A page of branches.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Branches {
    branches: Vec<BranchView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl Branches {
    pub(crate) fn of(page: Page<Branch>) -> Self {
        Self { branches: page.items.iter().map(BranchView::of).collect(), next_cursor: page.next_cursor }
    }
}

#[async_trait]
impl Tool for ListBranchesTool {
    const ACTION: Action = Action::ListBranches;
    const TITLE: &'static str = "List branches";
    const DESCRIPTION: &'static str =
        "List the branches of the database that you may see: main first, then the newest first. Data tools take a branch's slug as `branch`.";
    type Input = Input;
    type Output = Branches;

    fn input_schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "limit": {"type": "integer", "minimum": 1, "maximum": PageRequest::MAX_LIMIT, "description": "branches at most"},
                "cursor": {"type": "string", "description": "nextCursor of the page before"}
            }
        })
    }

    fn output_schema() -> Value {
        json!({
            "type": "object",
            "required": ["branches"],
            "properties": {"branches": {"type": "array", "items": BranchView::schema()}, "nextCursor": {"type": "string"}}
        })
    }

    async fn call(&self, scope: &RequestScope, input: Input) -> Result<Branches, CallError> {
        let page = PageRequest::new(input.limit, input.cursor)?;
        Ok(Branches::of(scope.ask(&*self.0, ListBranches { page }).await?))
    }
}
