//! A row of `branching.operations`, read back into an operation.

use super::error::corrupt;
use domain::{
    BoxError, BranchId, Operation, OperationId, StepName,
    operation::{Progress, Step},
};
use ports::driven::StoreError;
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

/// The columns that [`OperationRow`] is read from.
macro_rules! operation_columns {
    () => {
        "id, kind, branch_id, status, steps, error, input, result::text as result, cancel_requested, created_at, finished_at"
    };
}
pub(super) use operation_columns;

#[derive(sqlx::FromRow)]
pub(super) struct OperationRow {
    pub(super) id: Uuid,
    kind: String,
    pub(super) branch_id: Uuid,
    status: String,
    steps: serde_json::Value,
    error: Option<serde_json::Value>,
    input: serde_json::Value,
    result: Option<String>,
    cancel_requested: bool,
    created_at: OffsetDateTime,
    finished_at: Option<OffsetDateTime>,
}

impl TryFrom<OperationRow> for Operation {
    type Error = StoreError;

    fn try_from(row: OperationRow) -> Result<Self, StoreError> {
        let id = row.id;
        row.parse().map_err(|source| corrupt("branching.operations", id, source))
    }
}

impl OperationRow {
    fn parse(self) -> Result<Operation, BoxError> {
        let steps: Vec<StepRow> = serde_json::from_value(self.steps)?;
        Ok(Operation {
            id: OperationId::from_uuid(self.id),
            kind: self.kind.parse()?,
            branch_id: BranchId::from_uuid(self.branch_id),
            status: self.status.parse()?,
            steps: steps.into_iter().map(StepRow::parse).collect::<Result<_, _>>()?,
            error: self.error.map(serde_json::from_value).transpose()?,
            input: serde_json::from_value(self.input)?,
            result: self.result,
            cancel_requested: self.cancel_requested,
            created_at: self.created_at,
            finished_at: self.finished_at,
        })
    }
}

/// A step as [`Step`] is written.
#[derive(Deserialize)]
struct StepRow {
    name: String,
    status: String,
    #[serde(with = "time::serde::rfc3339::option")]
    started_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
    done: Option<u64>,
    total: Option<u64>,
    unit: Option<String>,
}

impl StepRow {
    fn parse(self) -> Result<Step, BoxError> {
        let name: StepName = self.name.parse()?;
        let status: Progress = self.status.parse()?;
        Ok(Step { name, status, started_at: self.started_at, finished_at: self.finished_at, done: self.done, total: self.total, unit: self.unit })
    }
}
