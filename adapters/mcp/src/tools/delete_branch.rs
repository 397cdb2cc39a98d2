//! `delete_branch`: delete a branch and its data.

use super::{
    branch_arguments::{branch_schema, wait_schema},
    started::{Started, Waiting},
};
use crate::{
    scope::RequestScope,
    tool::{CallError, Tool},
};
use async_trait::async_trait;
use domain::Action;
use ports::driving::{DeleteBranch, UseCase};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Deletes branches.
pub(crate) struct DeleteBranchTool {
    pub(crate) use_case: Arc<dyn UseCase<DeleteBranch>>,
    pub(crate) waiting: Waiting,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    branch: String,
    force: Option<bool>,
    wait: Option<u64>,
}

#[async_trait]
impl Tool for DeleteBranchTool {
    const ACTION: Action = Action::DeleteBranch;
    const TITLE: &'static str = "Delete branch";
    const DESCRIPTION: &'static str = "Delete a branch and its data, for good. main and protected branches are never deleted.";
    type Input = Input;
    type Output = Started;

    fn input_schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["branch"],
            "properties": {
                "branch": branch_schema(),
                "force": {"type": "boolean", "description": "the branches that were cut from it go too"},
                "wait": wait_schema()
            }
        })
    }

    fn output_schema() -> Value {
        Started::schema_of_several()
    }

    async fn call(&self, scope: &RequestScope, input: Input) -> Result<Started, CallError> {
        let command = DeleteBranch { branch: input.branch, force: input.force.unwrap_or_default() };
        let deleted = scope.ask(&*self.use_case, command).await?;
        Ok(self.waiting.deleted(scope, deleted, input.wait).await)
    }
}
