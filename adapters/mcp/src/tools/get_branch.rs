//! `get_branch`: see one branch, how its database is doing and how its migrations stand.

use super::{branch_arguments::branch_schema, branch_view::BranchView};
use crate::{
    scope::RequestScope,
    tool::{CallError, Tool},
};
use async_trait::async_trait;
use domain::{Action, branch::Withheld};
use ports::driving::{BranchDetails, GetBranch, UseCase};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Shows a branch.
pub(crate) struct GetBranchTool(pub(crate) Arc<dyn UseCase<GetBranch>>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    branch: String,
}

/// A branch with what takes a look into its database to tell.
#[derive(Debug, Serialize)]
pub(crate) struct Details {
    #[serde(flatten)]
    branch: BranchView,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    withheld: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
    #[serde(skip_serializing_if = "Option::is_none")]
    migrations: Option<Migrations>,
}

#[derive(Debug, Serialize)]
struct Health {
    reachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Migrations {
    applied: u64,
    pending: u64,
    /// Null where it is not known.
    drift: Option<bool>,
}

impl From<BranchDetails> for Details {
    fn from(details: BranchDetails) -> Self {
        Self {
            branch: BranchView::of(&details.branch),
            withheld: details.branch.withheld.iter().map(Withheld::in_words).collect(),
            health: details.health.map(|health| Health {
                reachable: health.reachable,
                size_bytes: health.size_bytes,
                connections: health.connections,
            }),
            migrations: details.migrations.map(|counts| Migrations { applied: counts.applied, pending: counts.pending, drift: counts.drift }),
        }
    }
}

#[async_trait]
impl Tool for GetBranchTool {
    const ACTION: Action = Action::GetBranch;
    const TITLE: &'static str = "Get branch";
    const DESCRIPTION: &'static str = "Show one branch: its status, what its copy withheld, its health, applied and pending migrations.";
    type Input = Input;
    type Output = Details;

    fn input_schema() -> Value {
        json!({"type": "object", "additionalProperties": false, "required": ["branch"], "properties": {"branch": branch_schema()}})
    }

    fn output_schema() -> Value {
        json!({
            "type": "object",
            "required": ["slug", "status"],
            "properties": {
                "slug": {"type": "string"},
                "status": {"type": "string"},
                "withheld": {"type": "array", "items": {"type": "string"}},
                "health": {"type": "object"},
                "migrations": {"type": "object"}
            }
        })
    }

    async fn call(&self, scope: &RequestScope, input: Input) -> Result<Details, CallError> {
        Ok(scope.ask(&*self.0, GetBranch { branch: input.branch }).await?.into())
    }
}
