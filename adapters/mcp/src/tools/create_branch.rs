//! `create_branch`: make an isolated copy of the database.

use super::{
    branch_arguments::{Reading, max_age_schema, seeds_schema, wait_schema},
    started::{Started, Waiting},
};
use crate::{
    scope::RequestScope,
    tool::{CallError, Tool},
};
use async_trait::async_trait;
use domain::Action;
use ports::driving::{CreateBranch, UseCase};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Makes branches.
pub(crate) struct CreateBranchTool {
    pub(crate) use_case: Arc<dyn UseCase<CreateBranch>>,
    pub(crate) waiting: Waiting,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    name: String,
    parent: Option<String>,
    r#type: Option<String>,
    data_clone_mode: Option<String>,
    expires_in: Option<String>,
    seeds: Option<Vec<String>>,
    max_age: Option<String>,
    wait: Option<u64>,
}

#[async_trait]
impl Tool for CreateBranchTool {
    const ACTION: Action = Action::CreateBranch;
    const TITLE: &'static str = "Create branch";
    const DESCRIPTION: &'static str =
        "Create an isolated copy of the database, to try things out on. Returns at once; get_operation tells when it is ready.";
    type Input = Input;
    type Output = Started;

    fn input_schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "minLength": 1},
                "parent": {"type": "string", "description": "slug or id; main when left out"},
                "type": {"type": "string", "enum": ["preview", "persistent"]},
                "data_clone_mode": {"type": "string", "enum": ["schema_only", "full_clone", "seed_data"]},
                "expires_in": {"type": "string", "description": "such as 12h or 7d"},
                "seeds": seeds_schema(),
                "max_age": max_age_schema(),
                "wait": wait_schema()
            }
        })
    }

    fn output_schema() -> Value {
        Started::schema()
    }

    async fn call(&self, scope: &RequestScope, input: Input) -> Result<Started, CallError> {
        let wait = input.wait;
        let made = scope.ask(&*self.use_case, command(input)?).await?;
        Ok(self.waiting.started(scope, made, wait).await)
    }
}

fn command(input: Input) -> Result<CreateBranch, CallError> {
    let mut reading = Reading::default();
    let name = reading.required("/name", &input.name);
    let branch_type = reading.optional("/type", input.r#type.as_deref());
    let clone_mode = reading.optional("/data_clone_mode", input.data_clone_mode.as_deref());
    let expires_in = reading.optional("/expires_in", input.expires_in.as_deref());
    let max_age = reading.optional("/max_age", input.max_age.as_deref());
    reading.finish()?;
    let name = name.expect("a name that is none is a fault");
    Ok(CreateBranch {
        name,
        parent: input.parent,
        branch_type,
        clone_mode,
        expires_in: expires_in.map(Some),
        seeds: input.seeds,
        max_age,
        pull_request: None,
    })
}
