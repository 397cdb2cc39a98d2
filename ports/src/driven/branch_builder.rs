//! Building, verifying and dropping the databases behind branches.

use super::Footing;
use async_trait::async_trait;
use domain::{BoxError, BranchId, DataCloneMode, Failure, Generation, OperationId, StepName, branch::DatabaseName, branch::Withheld, user::UserId};
use std::{sync::Arc, time::Duration};
use time::OffsetDateTime;

/// A database of ours, and whose it is: written into its comment, so that nothing is ever dropped by its name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseTag {
    /// Its name.
    pub database: DatabaseName,
    /// The branch.
    pub branch_id: BranchId,
    /// The branch's generation.
    pub generation: Generation,
}

/// What is to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildRequest {
    /// The database to make.
    pub target: DatabaseTag,
    /// The parent's database.
    pub parent: DatabaseName,
    /// Whether the parent is main, whose database holds the control plane's schemas too.
    pub parent_is_main: bool,
    /// What to copy.
    pub clone_mode: DataCloneMode,
    /// How old a kept copy of the parent's rows may be; `None` or zero: never a kept copy, rows are the parent's of after the request. Definitions are never
    /// older than the request, whatever this says.
    pub max_age: Option<Duration>,
    /// Users whose id-only rows a copy without rows gets, so that foreign keys to them hold.
    pub users: Vec<UserId>,
}

/// What a build left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildReport {
    /// What was withheld, and why.
    pub withheld: Vec<Withheld>,
    /// Rows copied.
    pub rows: u64,
    /// Objects copied.
    pub objects: u64,
    /// The moment that the rows are of, for a copy with rows.
    pub data_as_of: Option<OffsetDateTime>,
    /// How it was made.
    pub source: BuildSource,
}

/// How a branch's database came to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuildSource {
    /// Copied from the parent, by streams.
    #[default]
    Parent,
    /// Copied from a template.
    Template,
    /// A spare that lay ready was handed over.
    Spare,
}

impl BuildSource {
    /// As the activity log writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::Template => "template",
            Self::Spare => "spare",
        }
    }
}

/// What lies on the server under our names and belongs to no live branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Databases and roles that were proved to be ours and are gone now.
    pub dropped: Vec<String>,
    /// What looks like ours but is not proved to be; for people to look at.
    pub reported: Vec<String>,
}

/// Why a database was not built or dropped.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// It cannot be done, and trying again would not help.
    #[error("{message}")]
    Refused {
        /// Stable code.
        code: &'static str,
        /// For people: what, where, what to do.
        message: String,
    },
    /// It did not work out this time; a later try may.
    #[error("{message}")]
    Retryable {
        /// For people.
        message: String,
        /// The cause, logged.
        #[source]
        source: Option<BoxError>,
    },
    /// The worker lost its claim, or is being stopped; what is half done is the next claim's to take away.
    #[error("the build was stopped")]
    Stopped,
}

impl BuildError {
    /// The code where a database bears the name without being this branch's. It is left alone.
    pub const NOT_OURS: &'static str = "database_not_ours";
}

/// What it means to whoever asked for something that is done at once.
impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Refused { code, message } => Self::Conflict { code, reason: message },
            BuildError::Retryable { message, source } => Self::unavailable(message, source),
            BuildError::Stopped => Self::unavailable("this was stopped", None),
        }
    }
}

/// Told of each step as it begins and as it gets on.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BuildProgress: Send + Sync {
    /// A step begins; the one before is done. [`BuildError::Stopped`] where the claim is lost: the builder must end.
    async fn step(&self, step: StepName) -> Result<(), BuildError>;
    /// These steps begin one after the other and there is next to nothing to do in any of them: they are written down with whatever is written next.
    async fn passed(&self, steps: &[StepName]) -> Result<(), BuildError> {
        for step in steps {
            self.step(*step).await?;
        }
        Ok(())
    }
    /// The step got on: `done` of `total`, in `unit`.
    async fn advance(&self, done: u64, total: u64, unit: &'static str) -> Result<(), BuildError>;
    /// From now on it waits for its turn behind other builds, or does so no more.
    fn waits_for_turn(&self, waits: bool) {
        let _ = waits;
    }
    /// Makes sure that the operation is still this worker's; [`BuildError::Stopped`] where another has it by now.
    async fn still_mine(&self) -> Result<(), BuildError> {
        Ok(())
    }
}

/// Makes, fills, verifies, opens and drops databases of branches.
///
/// # Contract
/// - Every method is idempotent. [`BranchBuilder::build`] takes away what an earlier attempt left under the same tag, and starts afresh.
/// - Only databases whose name, tag and instance all agree are dropped; anything else is [`BuildError::Refused`].
/// - Nothing is dropped before [`BuildProgress::still_mine`], or a step that was told, has found the operation to be this worker's, at a time when no other
///   can be at the branch: a worker that was frozen may wake up when another has built and opened what it would drop.
/// - The copy is of one snapshot of the parent, while the parent is in use. A build that returned is verified: objects and row counts are the snapshot's.
/// - Nobody but the builder may connect before [`BranchBuilder::admit`].
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BranchBuilder: Send + Sync {
    /// Makes the database and fills it: the steps from `create_database` to `verify`.
    async fn build(&self, request: &BuildRequest, progress: Arc<dyn BuildProgress>) -> Result<BuildReport, BuildError>;
    /// Lets the logins of user and service traffic connect.
    async fn admit(&self, target: &DatabaseTag) -> Result<(), BuildError>;
    /// Lets nobody connect any more, and cuts off who is connected.
    async fn shut_out(&self, target: &DatabaseTag) -> Result<(), BuildError>;
    /// The same for what may serve again one day, as long as the unit of work holds the branch: [`BuildError::Stopped`], and nothing is closed, where that has
    /// lost it meanwhile.
    async fn shut_out_while(&self, target: &DatabaseTag, footing: Footing) -> Result<(), BuildError> {
        let _ = footing;
        self.shut_out(target).await
    }
    /// Drops the database. One that is not there is no error.
    async fn drop_database(&self, target: &DatabaseTag, progress: Arc<dyn BuildProgress>) -> Result<(), BuildError>;
}

/// What a throw-away copy is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialSource {
    /// The database to copy.
    pub database: DatabaseName,
    /// Whether it is main's.
    pub is_main: bool,
    /// Whether rows come along.
    pub rows: bool,
}

/// Throw-away copies, for what is only tried.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TrialCopies: Send + Sync {
    /// Copies a database's definitions, and its rows where the source says so, into a database that only the builder may connect to. An earlier copy of
    /// the same operation is dropped first. Of its steps nothing is told.
    async fn copy(&self, operation: OperationId, source: &TrialSource, progress: Arc<dyn BuildProgress>) -> Result<DatabaseName, BuildError>;
    /// Drops the operation's copy. One that is not there is no error.
    async fn discard(&self, operation: OperationId, progress: Arc<dyn BuildProgress>) -> Result<(), BuildError>;
}

/// What lies on the server beside the databases that serve: spares and templates, and what crashes left.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Stock: Send + Sync {
    /// Makes spares ready for the parents that branches were lately cut from, and lets go of templates that are too many, too old or too big. Any number
    /// of replicas may call it; one of them does the work. Tells whether that one was this, and a spare lies ready.
    async fn tend(&self) -> Result<bool, BuildError>;
    /// Drops databases and roles that are proved to be this instance's and belong to none of `live` and to no operation of `running`; reports what only
    /// looks like it. `live` must have been read after the databases' names were: [`Stock::candidates`] first.
    async fn sweep(&self, candidates: Vec<DatabaseTag>, live: &[DatabaseTag], running: &[OperationId]) -> Result<SweepReport, BuildError>;
    /// The databases of generations that are on the server now, by their tags.
    async fn candidates(&self) -> Result<Vec<DatabaseTag>, BuildError>;
}
