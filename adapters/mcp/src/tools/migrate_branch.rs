//! `migrate_branch`: apply the migrations that a branch lacks.

use super::{
    branch_arguments::{branch_schema, wait_schema},
    started::{Started, Waiting},
};
use crate::{
    scope::RequestScope,
    tool::{CallError, Tool},
};
use async_trait::async_trait;
use domain::{Action, operation::NamedText};
use ports::driving::{MigrateBranch, UseCase};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Migrates branches.
pub(crate) struct MigrateBranchTool {
    pub(crate) use_case: Arc<dyn UseCase<MigrateBranch>>,
    pub(crate) waiting: Waiting,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    branch: String,
    files: Option<Vec<File>>,
    dry_run: Option<bool>,
    allow_out_of_order: Option<bool>,
    wait: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    name: String,
    sql: String,
}

#[async_trait]
impl Tool for MigrateBranchTool {
    const ACTION: Action = Action::MigrateBranch;
    const TITLE: &'static str = "Migrate branch";
    const DESCRIPTION: &'static str =
        "Apply the migrations that a branch lacks. A failure leaves it as it was before the failing file, and tells file, line, statement, SQLSTATE.";
    type Input = Input;
    type Output = Started;

    fn input_schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["branch"],
            "properties": {
                "branch": branch_schema(),
                "files": {
                    "type": "array",
                    "description": "the project's, from any one on without gaps; the server's own when left out",
                    "items": {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["name", "sql"],
                        "properties": {"name": {"type": "string", "description": "such as 0001_tasks.sql"}, "sql": {"type": "string"}}
                    }
                },
                "dry_run": {"type": "boolean", "description": "on a throw-away copy only"},
                "allow_out_of_order": {"type": "boolean"},
                "wait": wait_schema()
            }
        })
    }

    fn output_schema() -> Value {
        Started::schema()
    }

    async fn call(&self, scope: &RequestScope, input: Input) -> Result<Started, CallError> {
        let files = input.files.unwrap_or_default().into_iter().map(|file| NamedText { name: file.name, text: file.sql });
        let command = MigrateBranch {
            branch: input.branch,
            files: files.collect(),
            // An agent sends what it wrote.
            whole: false,
            dry_run: input.dry_run.unwrap_or_default(),
            allow_out_of_order: input.allow_out_of_order.unwrap_or_default(),
        };
        let started = scope.ask(&*self.use_case, command).await?;
        Ok(self.waiting.started(scope, started, input.wait).await)
    }
}
