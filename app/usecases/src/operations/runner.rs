//! The worker: claims one operation after the other and carries it out.

use super::{
    halt::{Failed, Halt},
    progress::Hold,
};
use crate::routing::DatabaseNames;
use domain::{
    Branch, BranchId, Failure, OperationKind,
    operation::{Claim, OperationError},
};
use ports::driven::{
    BranchBuilder, BranchLogins, BranchProbe, Clock, ControlPlane, Failpoints, Ids, MigrationFiles, MigrationRunner, OpenDatabases, OperationSignals,
    SchemaReader, ScriptProver, SeedRunner, StoreError, TrialCopies, Workload,
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};

/// What operations need.
#[derive(Clone)]
pub struct OperationPorts {
    /// Branches and operations.
    pub control_plane: Arc<dyn ControlPlane>,
    /// What makes and drops databases.
    pub builder: Arc<dyn BranchBuilder>,
    /// Throw-away copies.
    pub trials: Arc<dyn TrialCopies>,
    /// The logins of branches.
    pub logins: Arc<dyn BranchLogins>,
    /// The databases that requests of this replica go to.
    pub open: Arc<dyn OpenDatabases>,
    /// Looks at databases from outside.
    pub probe: Arc<dyn BranchProbe>,
    /// What applies migrations.
    pub migrations: Arc<dyn MigrationRunner>,
    /// The project's migrations.
    pub migration_files: Arc<dyn MigrationFiles>,
    /// What runs seeds.
    pub seeds: Arc<dyn SeedRunner>,
    /// What reads schemas.
    pub schemas: Arc<dyn SchemaReader>,
    /// What tries scripts out.
    pub prover: Arc<dyn ScriptProver>,
    /// What wakes workers.
    pub signals: Arc<dyn OperationSignals>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identities of further operations.
    pub ids: Arc<dyn Ids>,
    /// Where tests end the process.
    pub failpoints: Arc<dyn Failpoints>,
}

/// How operations are carried out.
#[derive(Clone, Debug)]
pub struct OperationSettings {
    /// How databases are called.
    pub names: DatabaseNames,
    /// How long a claim holds without being renewed. After a crash another worker waits this long.
    pub lease: Duration,
    /// How often an operation that might yet work out is tried.
    pub attempts: u32,
    /// How long what a reset replaced is kept: `branching.reset_undo`.
    pub reset_undo: Duration,
    /// How long a generation stays open after another took its place: requests that began before end on it.
    pub grace: Duration,
    /// How long a worker sleeps at most when there is nothing to do.
    pub idle: Duration,
    /// How long what people wrote may run at one try, elsewhere than in main: `branching.operation_timeout`. `None` is as long as it takes.
    pub peoples_time: Option<Duration>,
}

/// Carries out operations.
pub struct OperationRunner {
    pub(super) ports: OperationPorts,
    pub(super) settings: OperationSettings,
    /// Rung when a parent was cut from.
    pub(super) restock: Arc<Notify>,
    /// Workers here that are at what people wrote.
    pub(super) at_peoples: watch::Sender<usize>,
}

impl OperationRunner {
    /// A runner; several may run, here and on other replicas. `restock` is rung when spares may be needed.
    pub fn new(ports: OperationPorts, settings: OperationSettings, restock: Arc<Notify>) -> Self {
        Self { ports, settings, restock, at_peoples: watch::Sender::new(0) }
    }

    /// Works until dropped. What is half done then is the next claim's to finish or to take away.
    pub async fn work(&self) {
        loop {
            self.next(Workload::Any).await;
        }
    }

    /// Works, until dropped, while all of so many workers here are at what people wrote: whatever that is, branches are made of main and taken away.
    pub async fn stand_by(&self, workers: usize) {
        let mut at_peoples = self.at_peoples.subscribe();
        while at_peoples.wait_for(|busy| *busy >= workers).await.is_ok() {
            self.next(Workload::OfTheHouse).await;
        }
    }

    /// The next operation, or a rest where there is none.
    async fn next(&self, workload: Workload) {
        match self.claim(workload).await {
            Ok(Some(claim)) => Box::pin(self.turn(claim)).await,
            Ok(None) => self.ports.signals.wait(self.settings.idle).await,
            Err(error) => {
                tracing::warn!(%error, "could not look for operations");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    async fn claim(&self, workload: Workload) -> Result<Option<Claim>, StoreError> {
        let mut work = self.ports.control_plane.begin().await?;
        let claim = work.operations().claim_next(self.settings.lease, workload).await?;
        work.commit().await?;
        Ok(claim)
    }

    /// One worker's turn at one operation.
    async fn turn(&self, claim: Claim) {
        let id = claim.operation.id;
        let kind = claim.operation.kind;
        tracing::info!(operation.id = %id, kind = kind.name(), branch.id = %claim.operation.branch_id, "operation begins");
        let hold = Arc::new(Hold::new(
            claim.clone(),
            Arc::clone(&self.ports.control_plane),
            Arc::clone(&self.ports.clock),
            Arc::clone(&self.ports.failpoints),
            self.settings.lease,
        ));
        let result = if hold.is_cancelled() {
            Err(Halt::Cancelled)
        } else {
            tokio::select! {
                result = self.in_time(&hold, self.carry_out(kind, &hold)) => result,
                halt = hold.keep() => Err(halt),
            }
        };
        let ended = match result {
            Ok(()) => {
                tracing::info!(operation.id = %id, kind = kind.name(), "operation ended");
                return;
            }
            Err(Halt::Lost) if !hold.is_cancelled() => Err(Halt::Lost),
            Err(Halt::Lost | Halt::Cancelled) => {
                tracing::info!(operation.id = %id, kind = kind.name(), "operation is called off");
                while_held(&hold, self.call_off(&hold)).await
            }
            Err(Halt::Again { message, source }) => self.try_again_or_give_up(&hold, &claim, message, source.map(|error| error.to_string())).await,
            Err(Halt::Failed(failed)) => {
                tracing::warn!(operation.id = %id, code = failed.error.code, "operation failed: {}", failed.error.message);
                while_held(&hold, self.give_up(&hold, &claim, &failed)).await
            }
        };
        match ended {
            Ok(()) => {}
            Err(Halt::Lost) => tracing::warn!(operation.id = %id, "the claim was lost to another worker"),
            // Nothing is lost: the lease runs out and a later claim begins again.
            Err(halt) => tracing::warn!(operation.id = %id, ?halt, "could not write down how the operation ended"),
        }
    }

    async fn carry_out(&self, kind: OperationKind, hold: &Arc<Hold>) -> Result<(), Halt> {
        match kind {
            OperationKind::CreateBranch => self.create(hold).await,
            OperationKind::DeleteBranch => self.delete(hold).await,
            OperationKind::ResetBranch => self.reset(hold).await,
            OperationKind::UndoReset => self.undo(hold).await,
            OperationKind::DiscardGeneration => self.discard(hold).await,
            OperationKind::MigrateBranch => self.migrate(hold).await,
            OperationKind::DiffBranches => self.prove(hold).await,
            OperationKind::SeedBranch => self.seed_in_place(hold).await,
        }
    }

    async fn try_again_or_give_up(&self, hold: &Arc<Hold>, claim: &Claim, message: String, cause: Option<String>) -> Result<(), Halt> {
        let failures = claim.failures + 1;
        tracing::warn!(operation.id = %claim.operation.id, failures, cause, "operation did not work out: {message}");
        let error = OperationError::new("build_failed", message);
        // What takes away, and so cannot be called off, must come to its end however often it has to be tried.
        if !claim.operation.kind.can_be_called_off() || failures < self.settings.attempts {
            return self.retry(hold, error, back_off(failures)).await;
        }
        while_held(hold, self.give_up(hold, claim, &Failed { error, result: None })).await
    }

    /// Gives the claim back; what was wrong can be seen meanwhile.
    async fn retry(&self, hold: &Hold, error: OperationError, delay: Duration) -> Result<(), Halt> {
        let claim = hold.troubled(error).await;
        let mut work = self.ports.control_plane.begin().await?;
        work.operations().save(&claim).await?;
        work.operations().retry(&claim, delay).await?;
        Ok(work.commit().await?)
    }

    /// Ends an operation that failed for good. What a create had made is gone before its branch says so; what takes away stays to be tried again later:
    /// a branch that is half gone must not come back, and no database is forgotten.
    async fn give_up(&self, hold: &Arc<Hold>, claim: &Claim, failed: &Failed) -> Result<(), Halt> {
        match claim.operation.kind {
            OperationKind::CreateBranch => self.fail_create(hold, failed).await,
            OperationKind::ResetBranch => self.fail_reset(hold, failed).await,
            OperationKind::UndoReset => self.fail_undo(hold, failed).await,
            OperationKind::MigrateBranch => self.fail_migrate(hold, failed).await,
            OperationKind::DiffBranches => self.fail_trial(hold, failed).await,
            OperationKind::SeedBranch => self.fail_seed(hold, failed).await,
            OperationKind::DiscardGeneration if failed.error.code == NOT_TO_DISCARD => self.fail(hold, failed).await?.commit().await,
            OperationKind::DeleteBranch | OperationKind::DiscardGeneration => self.retry(hold, failed.error.clone(), LONGEST_PAUSE).await,
        }
    }

    /// A branch, as it stands.
    pub(super) async fn branch(&self, id: BranchId) -> Result<Branch, Halt> {
        let found = self.ports.control_plane.begin().await?.branches().find(id, false).await?;
        found.ok_or_else(|| Failure::not_found("branch", id.to_string()).into())
    }

    /// The operation's branch, as it stands. One that another operation is at work on has been taken from this one.
    pub(super) async fn subject(&self, hold: &Hold) -> Result<Branch, Halt> {
        let operation = hold.operation().await;
        let branch = self.branch(operation.branch_id).await?;
        match branch.state.operation() {
            Some(other) if other != operation.id => Err(Halt::Lost),
            _ => Ok(branch),
        }
    }
}

/// Works on while the claim is held, whoever calls the operation off.
async fn while_held(hold: &Hold, work: impl Future<Output = Result<(), Halt>>) -> Result<(), Halt> {
    tokio::select! {
        outcome = work => outcome,
        lost = hold.keep_to_the_end() => Err(lost),
    }
}

/// Why a generation is not discarded, now or later.
pub(super) const NOT_TO_DISCARD: &str = "not_to_discard";

const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// 1, 2, 4 ... seconds, a minute at most.
fn back_off(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.saturating_sub(1).min(6)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::back_off;
    use std::time::Duration;

    #[test]
    fn pauses_grow_to_a_minute() {
        assert_eq!([1, 2, 3, 7, 99].map(back_off), [1, 2, 4, 60, 60].map(Duration::from_secs));
    }
}
