//! `reset_branch`: bring a branch back to its parent's present state.

use super::{
    branch_arguments::{Reading, branch_schema, kept_seeds_schema, max_age_schema, wait_schema},
    started::{Started, Waiting},
};
use crate::{
    scope::RequestScope,
    tool::{CallError, Tool},
};
use async_trait::async_trait;
use domain::Action;
use ports::driving::{ResetBranch, UseCase};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Resets branches.
pub(crate) struct ResetBranchTool {
    pub(crate) use_case: Arc<dyn UseCase<ResetBranch>>,
    pub(crate) waiting: Waiting,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    branch: String,
    seeds: Option<Vec<String>>,
    max_age: Option<String>,
    wait: Option<u64>,
}

#[async_trait]
impl Tool for ResetBranchTool {
    const ACTION: Action = Action::ResetBranch;
    const TITLE: &'static str = "Reset branch";
    const DESCRIPTION: &'static str = "Bring a branch back to its parent's present state; what was changed on it is gone; people can undo it for a while from the command line or REST, where the server keeps it. The old data serves meanwhile.";
    type Input = Input;
    type Output = Started;

    fn input_schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["branch"],
            "properties": {"branch": branch_schema(), "seeds": kept_seeds_schema(), "max_age": max_age_schema(), "wait": wait_schema()}
        })
    }

    fn output_schema() -> Value {
        Started::schema()
    }

    async fn call(&self, scope: &RequestScope, input: Input) -> Result<Started, CallError> {
        let mut reading = Reading::default();
        let max_age = reading.optional("/max_age", input.max_age.as_deref());
        reading.finish()?;
        let command = ResetBranch { branch: input.branch, seeds: input.seeds, max_age };
        let started = scope.ask(&*self.use_case, command).await?;
        Ok(self.waiting.started(scope, started, input.wait).await)
    }
}
