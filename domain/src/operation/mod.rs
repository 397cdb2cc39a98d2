//! Long-running work of the control plane: an operation with steps, claimed under a lease, resumed after a crash by any replica.

use crate::branch::BranchId;
use serde::Serialize;
use std::{fmt, str::FromStr};
use time::OffsetDateTime;

crate::identifier! {
    /// An operation.
    OperationId
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Builds a branch's first generation.
    CreateBranch,
    /// Takes a branch away.
    DeleteBranch,
}

impl OperationKind {
    /// As answers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateBranch => "create_branch",
            Self::DeleteBranch => "delete_branch",
        }
    }

    /// Its steps, in order.
    pub const fn steps(self) -> &'static [StepName] {
        match self {
            Self::CreateBranch => &[
                StepName::CreateDatabase,
                StepName::CopyDefinitions,
                StepName::CopyRows,
                StepName::AddConstraints,
                StepName::Verify,
                StepName::Admit,
                StepName::Switch,
            ],
            Self::DeleteBranch => &[StepName::ShutOut, StepName::DropDatabase, StepName::Forget],
        }
    }
}

/// A text that names no kind of operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown operation kind '{0}'")]
pub struct UnknownOperationKind(pub String);

impl FromStr for OperationKind {
    type Err = UnknownOperationKind;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        [Self::CreateBranch, Self::DeleteBranch].into_iter().find(|kind| kind.name() == raw).ok_or_else(|| UnknownOperationKind(raw.to_owned()))
    }
}

/// A part of an operation. Each is idempotent: a worker that does not know whether it was done does it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// An empty database, tagged, closed to everybody. What an earlier attempt left is dropped first.
    CreateDatabase,
    /// Types, tables, functions, views.
    CopyDefinitions,
    /// Rows, sequence values, large objects.
    CopyRows,
    /// Indexes, constraints, triggers, policies.
    AddConstraints,
    /// Objects and row counts compared with the parent's snapshot.
    Verify,
    /// The logins of user traffic may connect.
    Admit,
    /// Requests are routed to the new generation.
    Switch,
    /// Nobody may connect any more; who is connected is cut off.
    ShutOut,
    /// The database goes.
    DropDatabase,
    /// The slug is free again.
    Forget,
}

impl StepName {
    /// Every step of every kind.
    pub const ALL: [Self; 10] = [
        Self::CreateDatabase,
        Self::CopyDefinitions,
        Self::CopyRows,
        Self::AddConstraints,
        Self::Verify,
        Self::Admit,
        Self::Switch,
        Self::ShutOut,
        Self::DropDatabase,
        Self::Forget,
    ];

    /// As answers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateDatabase => "create_database",
            Self::CopyDefinitions => "copy_definitions",
            Self::CopyRows => "copy_rows",
            Self::AddConstraints => "add_constraints",
            Self::Verify => "verify",
            Self::Admit => "admit",
            Self::Switch => "switch",
            Self::ShutOut => "shut_out",
            Self::DropDatabase => "drop_database",
            Self::Forget => "forget",
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where an operation or a step stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Not begun.
    #[default]
    Queued,
    /// At work.
    Running,
    /// Done.
    Succeeded,
    /// Given up.
    Failed,
    /// Called off.
    Cancelled,
}

impl Progress {
    /// As answers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// A text that names no state of progress.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown progress '{0}'")]
pub struct UnknownProgress(pub String);

impl FromStr for Progress {
    type Err = UnknownProgress;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|progress| progress.name() == raw)
            .ok_or_else(|| UnknownProgress(raw.to_owned()))
    }
}

/// One step of an operation, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which.
    pub name: StepName,
    /// Where it stands.
    pub status: Progress,
    /// When it last began.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// How much is done, in `unit`.
    pub done: Option<u64>,
    /// How much there is, in `unit`.
    pub total: Option<u64>,
    /// What `done` and `total` count: `rows`, `objects`, `tables`, `bytes`.
    pub unit: Option<String>,
}

impl Step {
    /// A step that has not begun.
    pub fn queued(name: StepName) -> Self {
        Self { name, status: Progress::Queued, started_at: None, finished_at: None, done: None, total: None, unit: None }
    }
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct OperationError {
    /// Stable code.
    pub code: String,
    /// For people: what, where, what to do.
    pub message: String,
}

/// A piece of long-running work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Operation {
    /// Identity.
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
    /// The branch it works on.
    pub branch_id: BranchId,
    /// Where it stands.
    pub status: Progress,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// Why it failed, where it did.
    pub error: Option<OperationError>,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

impl Operation {
    /// An operation as it begins.
    pub fn queued(id: OperationId, kind: OperationKind, branch_id: BranchId, now: OffsetDateTime) -> Self {
        let steps = kind.steps().iter().map(|name| Step::queued(*name)).collect();
        Self { id, kind, branch_id, status: Progress::Queued, steps, error: None, created_at: now, finished_at: None }
    }
}

/// A worker's hold on an operation. Every write it makes carries the fence: a later claim has a higher one, and the stale writer is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The operation, as it stood when it was claimed.
    pub operation: Operation,
    /// How often it has been claimed.
    pub fence: i64,
}

#[cfg(test)]
mod tests {
    use super::{OperationKind, Progress, StepName};

    #[test]
    fn names_are_read_back() {
        for kind in [OperationKind::CreateBranch, OperationKind::DeleteBranch] {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert!(kind.steps().iter().all(|step| StepName::ALL.contains(step)));
        }
        for progress in [Progress::Queued, Progress::Running, Progress::Succeeded, Progress::Failed, Progress::Cancelled] {
            assert_eq!(progress.name().parse(), Ok(progress));
        }
    }
}
