//! Operations in the metadata database, and the bell that wakes their workers.

use super::StoreError;
use async_trait::async_trait;
use domain::{BranchId, Operation, OperationId, operation::Claim};
use std::time::Duration;
use time::OffsetDateTime;

/// Which operations a worker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Any.
    Any,
    /// Those that run nothing that people wrote: [`domain::OperationKind::runs_peoples_code`].
    OfTheHouse,
}

/// Operations in the metadata database.
///
/// # Contract
/// - Leases are measured by the database's clock: replicas need not agree on the time.
/// - [`OperationRepository::claim_next`] gives an operation to one worker; once its lease has run out, or its holder is seen to
///   be gone, another may have it, with a higher fence.
/// - [`OperationRepository::save`] and [`OperationRepository::renew`] under an older fence are [`StoreError::Fenced`] and write nothing.
/// - What has ended stays as it ended: [`OperationRepository::save`] and [`OperationRepository::retry`] are [`StoreError::Fenced`] from then on, also for a worker
///   that could not tell whether its last transaction was committed.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait OperationRepository: Send {
    /// Adds an operation and wakes the workers at commit.
    async fn insert(&mut self, operation: &Operation) -> Result<(), StoreError>;
    /// The same for one that is not to be claimed before `delay` has passed.
    async fn insert_delayed(&mut self, operation: &Operation, delay: Duration) -> Result<(), StoreError>;
    /// An operation by id.
    async fn find(&mut self, id: OperationId) -> Result<Option<Operation>, StoreError>;
    /// Claims the oldest operation of the workload that is not finished, that nobody holds and that can be read here; its status is `running` from then on.
    async fn claim_next(&mut self, lease: Duration, workload: Workload) -> Result<Option<Claim>, StoreError>;
    /// Makes a claim's lease last from now.
    async fn renew(&mut self, claim: &Claim, lease: Duration) -> Result<(), StoreError>;
    /// Gives a claim back after it did not work out: the operation may be claimed again once `delay` has passed. That it did not is counted, and the count
    /// comes with the next claim, whoever makes it.
    async fn retry(&mut self, claim: &Claim, delay: Duration) -> Result<(), StoreError>;
    /// Ends an operation that nobody has claimed yet as cancelled; `false` where somebody has, or it has ended.
    async fn cancel_queued(&mut self, id: OperationId, now: OffsetDateTime) -> Result<bool, StoreError>;
    /// Notes that an operation shall be called off, and lets it be claimed at once where it waits to be tried again; `false` where it has ended.
    async fn request_cancel(&mut self, id: OperationId) -> Result<bool, StoreError>;
    /// Whether an operation shall be called off. Read after [`OperationRepository::save`] in one unit of work, the answer holds until that is committed.
    async fn cancel_requested(&mut self, id: OperationId) -> Result<bool, StoreError>;
    /// The operations that have not ended, the oldest first, without the [`OperationRepository::unreadable`] ones.
    async fn unfinished(&mut self) -> Result<Vec<Operation>, StoreError>;
    /// Those that have not ended and cannot be read here, with their branches: a newer version may have written them, whose replicas see to them. Nobody here
    /// can tell what they are at work on.
    async fn unreadable(&mut self) -> Result<Vec<(OperationId, BranchId)>, StoreError>;
    /// The seed files that a branch as it is now was made of, where they were named: those of the last reset that succeeded and was not undone, else those of
    /// its creation.
    async fn seeds_of(&mut self, branch: BranchId) -> Result<Option<Vec<String>>, StoreError>;
    /// Takes the turn at recurring work of this name until the unit of work ends; `false` where another has it.
    async fn try_turn(&mut self, name: &str) -> Result<bool, StoreError>;
    /// Writes an operation's status, steps, error, result and end back under its claim; of what was asked for, what the branch had before of migrations and of
    /// seeds, each once.
    async fn save(&mut self, claim: &Claim) -> Result<(), StoreError>;
}

/// Wakes workers when there may be work.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait OperationSignals: Send + Sync {
    /// Waits until an operation was added anywhere, or until `at_most` has passed.
    async fn wait(&self, at_most: Duration);
}
