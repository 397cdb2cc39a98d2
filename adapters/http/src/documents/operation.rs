//! Operations in JSON.

use super::OrNull;
use domain::{
    Operation,
    operation::{OperationError, Step},
};
use poem_openapi::{Object, types::Any};
use time::OffsetDateTime;
use uuid::Uuid;

/// Long-running work of the control plane.
#[derive(Object)]
#[oai(rename = "Operation")]
pub(crate) struct OperationDocument {
    /// Identity.
    pub(crate) id: Uuid,
    /// What it does: `create_branch`, `reset_branch`, `undo_reset`, `seed_branch`, `migrate_branch`, `diff_branches`, `delete_branch` or
    /// `discard_generation`.
    pub(crate) kind: String,
    /// The branch it works on.
    pub(crate) branch_id: Uuid,
    /// `queued`, `running`, `succeeded`, `failed` or `cancelled`.
    pub(crate) status: String,
    /// Its steps, in order.
    pub(crate) steps: Vec<StepDocument>,
    /// Why it failed, where it did.
    pub(crate) error: OrNull<OperationErrorDocument>,
    /// What came of it, where there is something to tell: what was migrated, whether a script was proved.
    #[oai(nullable)]
    pub(crate) result: Option<Any<serde_json::Value>>,
    /// Whether somebody asked for it to be called off.
    pub(crate) cancel_requested: bool,
    /// When it was asked for.
    pub(crate) created_at: OffsetDateTime,
    /// When it ended.
    #[oai(nullable)]
    pub(crate) finished_at: Option<OffsetDateTime>,
}

/// One step of an operation, as it stands.
#[derive(Object)]
#[oai(rename = "Step")]
pub(crate) struct StepDocument {
    /// Which.
    pub(crate) name: String,
    /// `queued`, `running`, `succeeded`, `failed` or `cancelled`.
    pub(crate) status: String,
    /// When it last began.
    #[oai(nullable)]
    pub(crate) started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[oai(nullable)]
    pub(crate) finished_at: Option<OffsetDateTime>,
    /// How much is done, in `unit`.
    #[oai(nullable)]
    pub(crate) done: Option<u64>,
    /// How much there is, in `unit`.
    #[oai(nullable)]
    pub(crate) total: Option<u64>,
    /// What `done` and `total` count: `objects`, `bytes` or `files`; others may be added.
    #[oai(nullable)]
    pub(crate) unit: Option<String>,
}

/// Why an operation failed.
#[derive(Object)]
#[oai(rename = "OperationError")]
pub(crate) struct OperationErrorDocument {
    /// A stable code.
    pub(crate) code: String,
    /// What happened, where, and what to do.
    pub(crate) message: String,
    /// The migration or seed file that failed.
    #[oai(nullable)]
    pub(crate) file: Option<String>,
    /// The line of it, from 1.
    #[oai(nullable)]
    pub(crate) line: Option<u32>,
    /// The statement, or its beginning.
    #[oai(nullable)]
    pub(crate) statement: Option<String>,
    /// What PostgreSQL calls the error.
    #[oai(nullable)]
    pub(crate) sqlstate: Option<String>,
}

impl From<Operation> for OperationDocument {
    fn from(operation: Operation) -> Self {
        Self {
            id: operation.id.as_uuid(),
            kind: operation.kind.name().to_owned(),
            branch_id: operation.branch_id.as_uuid(),
            status: operation.status.name().to_owned(),
            steps: operation.steps.into_iter().map(Into::into).collect(),
            error: OrNull::of(operation.error),
            // Written by ourselves as JSON; what is none after all is still shown.
            result: operation.result.map(|text| Any(serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))),
            cancel_requested: operation.cancel_requested,
            created_at: operation.created_at,
            finished_at: operation.finished_at,
        }
    }
}

impl From<Step> for StepDocument {
    fn from(step: Step) -> Self {
        Self {
            name: step.name.name().to_owned(),
            status: step.status.name().to_owned(),
            started_at: step.started_at,
            finished_at: step.finished_at,
            done: step.done,
            total: step.total,
            unit: step.unit,
        }
    }
}

impl From<OperationError> for OperationErrorDocument {
    fn from(error: OperationError) -> Self {
        let OperationError { code, message, file, line, statement, sqlstate } = error;
        Self { code, message, file, line, statement, sqlstate }
    }
}
