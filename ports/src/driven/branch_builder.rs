//! Building, verifying and dropping the databases behind branches.

use async_trait::async_trait;
use domain::{BoxError, BranchId, DataCloneMode, Generation, StepName, branch::DatabaseName, branch::Withheld, user::UserId};
use std::sync::Arc;

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

/// Told of each step as it begins and as it gets on.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BuildProgress: Send + Sync {
    /// A step begins; the one before is done. [`BuildError::Stopped`] where the claim is lost: the builder must end.
    async fn step(&self, step: StepName) -> Result<(), BuildError>;
    /// The step got on: `done` of `total`, in `unit`.
    async fn advance(&self, done: u64, total: u64, unit: &'static str) -> Result<(), BuildError>;
}

/// Makes, fills, verifies, opens and drops databases of branches.
///
/// # Contract
/// - Every method is idempotent. [`BranchBuilder::build`] takes away what an earlier attempt left under the same tag, and starts afresh.
/// - Only databases whose name, tag and instance all agree are dropped; anything else is [`BuildError::Refused`].
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
    /// Drops the database. One that is not there is no error.
    async fn drop_database(&self, target: &DatabaseTag) -> Result<(), BuildError>;
}
