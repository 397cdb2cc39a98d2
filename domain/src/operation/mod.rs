//! Long-running work of the control plane: an operation with steps, claimed under a lease, resumed after a crash by any replica.

use crate::{branch::BranchId, migration::MigrationVersion};
use serde::Serialize;
use std::{collections::BTreeMap, fmt, str::FromStr};
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
    /// Builds a branch's next generation from its parent's present state, beside the one that serves, and switches.
    ResetBranch,
    /// Switches back to what a reset had replaced.
    UndoReset,
    /// Drops a generation that serves no more: what a reset replaced, once it is kept no longer.
    DiscardGeneration,
    /// Applies migrations to a branch, or to a throw-away copy of it.
    MigrateBranch,
    /// Compares two branches and proves the script on a throw-away copy.
    DiffBranches,
    /// Runs seed files on a branch that serves.
    SeedBranch,
}

impl OperationKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::CreateBranch,
        Self::DeleteBranch,
        Self::ResetBranch,
        Self::UndoReset,
        Self::DiscardGeneration,
        Self::MigrateBranch,
        Self::DiffBranches,
        Self::SeedBranch,
    ];

    /// As answers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateBranch => "create_branch",
            Self::DeleteBranch => "delete_branch",
            Self::ResetBranch => "reset_branch",
            Self::UndoReset => "undo_reset",
            Self::DiscardGeneration => "discard_generation",
            Self::MigrateBranch => "migrate_branch",
            Self::DiffBranches => "diff_branches",
            Self::SeedBranch => "seed_branch",
        }
    }

    /// Whether it can be called off once it has begun. Before it begins every operation can be, except one that discards a generation: nobody asked for that
    /// one, and nobody sees it.
    pub const fn can_be_called_off(self) -> bool {
        !matches!(self, Self::DeleteBranch | Self::DiscardGeneration)
    }

    /// Whether it runs what people wrote: statements of their files, or what they put into the indexes and rules of a branch that is copied. Nobody can tell
    /// how long that takes. What is in main is administrators'.
    pub const fn runs_peoples_code(self, parent_is_main: bool) -> bool {
        match self {
            Self::MigrateBranch | Self::DiffBranches | Self::SeedBranch => true,
            Self::CreateBranch | Self::ResetBranch => !parent_is_main,
            Self::DeleteBranch | Self::UndoReset | Self::DiscardGeneration => false,
        }
    }

    /// Its steps, in order.
    pub const fn steps(self) -> &'static [StepName] {
        match self {
            Self::CreateBranch | Self::ResetBranch => &[
                StepName::CreateDatabase,
                StepName::CopyDefinitions,
                StepName::CopyRows,
                StepName::AddConstraints,
                StepName::Verify,
                StepName::Seed,
                StepName::Admit,
                StepName::Switch,
            ],
            Self::DeleteBranch => &[StepName::ShutOut, StepName::DropDatabase, StepName::Forget],
            Self::UndoReset => &[StepName::Admit, StepName::Switch],
            Self::DiscardGeneration => &[StepName::ShutOut, StepName::DropDatabase],
            Self::MigrateBranch => &[StepName::CopyForTrial, StepName::Migrate, StepName::DropTrial],
            Self::DiffBranches => &[StepName::Compare, StepName::CopyForTrial, StepName::Prove, StepName::DropTrial],
            Self::SeedBranch => &[StepName::Seed],
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
        Self::ALL.into_iter().find(|kind| kind.name() == raw).ok_or_else(|| UnknownOperationKind(raw.to_owned()))
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
    /// Seed files, in order.
    Seed,
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
    /// A throw-away copy, for what is only tried.
    CopyForTrial,
    /// Migrations, in order.
    Migrate,
    /// Two schemas, object by object.
    Compare,
    /// The script is applied to the copy, and the copy compared again.
    Prove,
    /// The throw-away copy goes.
    DropTrial,
}

impl StepName {
    /// Every step of every kind.
    pub const ALL: [Self; 16] = [
        Self::CreateDatabase,
        Self::CopyDefinitions,
        Self::CopyRows,
        Self::AddConstraints,
        Self::Verify,
        Self::Seed,
        Self::Admit,
        Self::Switch,
        Self::ShutOut,
        Self::DropDatabase,
        Self::Forget,
        Self::CopyForTrial,
        Self::Migrate,
        Self::Compare,
        Self::Prove,
        Self::DropTrial,
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
            Self::Seed => "seed",
            Self::CopyForTrial => "copy_for_trial",
            Self::Migrate => "migrate",
            Self::Compare => "compare",
            Self::Prove => "prove",
            Self::DropTrial => "drop_trial",
        }
    }
}

/// A text that names no step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown step '{0}'")]
pub struct UnknownStep(pub String);

impl FromStr for StepName {
    type Err = UnknownStep;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|step| step.name() == raw).ok_or_else(|| UnknownStep(raw.to_owned()))
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
    /// What `done` and `total` count: `objects`, `bytes` or `files`.
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
    /// The migration or seed file that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The statement, or its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// What PostgreSQL calls the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
}

impl OperationError {
    /// An error that concerns no file.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), file: None, line: None, statement: None, sqlstate: None }
    }
}

/// What an operation was asked to do, beside its kind: kept with it, so that any replica can go on with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OperationInput {
    /// How old a kept copy of the parent's rows may be, in seconds; `None`: not older than the request.
    pub max_age: Option<u64>,
    /// The seed files to run, by name; `None`: all of them.
    pub seeds: Option<Vec<String>>,
    /// The generation to discard, or to bring back.
    pub generation: Option<crate::branch::Generation>,
    /// Migration files that came with the request.
    pub files: Vec<NamedText>,
    /// They are all that the project has: what was applied and is not among them is missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// Migrations are tried on a throw-away copy only.
    pub dry_run: bool,
    /// Versions older than the newest applied one may be applied.
    pub allow_out_of_order: bool,
    /// The branch to compare with.
    pub target: Option<crate::branch::BranchId>,
    /// What was wrong with the branch before: it is so again when the operation is called off.
    pub error_before: Option<String>,
    /// Who asked, as the activity log writes actors.
    pub actor: String,
    /// The migrations that the branch had before this operation began to apply any; `None` until then. Noted by its worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied_before: Option<Vec<MigrationVersion>>,
    /// The seed files that had run in the branch before this operation began to run any, and their last runs; `None` until then. Noted by its worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sown_before: Option<BTreeMap<String, i64>>,
}

/// A file by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct NamedText {
    /// Its name, without folders.
    pub name: String,
    /// What is in it.
    pub text: String,
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
    /// What was asked for.
    #[serde(skip)]
    pub input: OperationInput,
    /// What came of it, as a JSON document, for kinds that have something to tell.
    #[serde(skip)]
    pub result: Option<String>,
    /// Whether somebody asked for it to be called off.
    pub cancel_requested: bool,
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
        Self {
            id,
            kind,
            branch_id,
            status: Progress::Queued,
            steps,
            error: None,
            input: OperationInput::default(),
            result: None,
            cancel_requested: false,
            created_at: now,
            finished_at: None,
        }
    }

    /// The same with what was asked for.
    #[must_use]
    pub fn with_input(mut self, input: OperationInput) -> Self {
        self.input = input;
        self
    }

    /// Whether it only tries something, on a throw-away copy.
    pub fn is_trial(&self) -> bool {
        match self.kind {
            OperationKind::DiffBranches => true,
            OperationKind::MigrateBranch => self.input.dry_run,
            _ => false,
        }
    }

    /// The same without steps that this one does not have.
    #[must_use]
    pub fn without(mut self, steps: &[StepName]) -> Self {
        self.steps.retain(|step| !steps.contains(&step.name));
        self
    }
}

/// A worker's hold on an operation. Every write it makes carries the fence: a later claim has a higher one, and the stale writer is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The operation, as it stood when it was claimed.
    pub operation: Operation,
    /// How often it has been claimed.
    pub fence: i64,
    /// How often it did not work out until now.
    pub failures: u32,
}

#[cfg(test)]
mod tests {
    use super::{OperationKind, Progress, StepName};

    #[test]
    fn names_are_read_back() {
        for kind in OperationKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert!(kind.steps().iter().all(|step| StepName::ALL.contains(step)));
        }
        for progress in [Progress::Queued, Progress::Running, Progress::Succeeded, Progress::Failed, Progress::Cancelled] {
            assert_eq!(progress.name().parse(), Ok(progress));
        }
    }
}
