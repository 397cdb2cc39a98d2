//! The worker: claims one operation after the other and carries it out.

use super::progress::Hold;
use crate::{branches::ExpireBranches, routing::DatabaseNames};
use domain::{
    OperationId, OperationKind,
    operation::{Claim, OperationError},
};
use ports::driven::{BranchBuilder, BuildError, Clock, ControlPlane, Failpoints, Ids, OperationSignals, StoreError};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What operations need.
#[derive(Clone)]
pub struct OperationPorts {
    /// Branches and operations.
    pub control_plane: Arc<dyn ControlPlane>,
    /// What makes and drops databases.
    pub builder: Arc<dyn BranchBuilder>,
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
    /// How long a worker sleeps at most when there is nothing to do.
    pub idle: Duration,
}

/// Carries out operations.
pub struct OperationRunner {
    pub(super) ports: OperationPorts,
    pub(super) settings: OperationSettings,
    expire: ExpireBranches,
    failures: Mutex<HashMap<OperationId, u32>>,
}

impl OperationRunner {
    /// A runner; several may run, here and on other replicas.
    pub fn new(ports: OperationPorts, settings: OperationSettings, expire: ExpireBranches) -> Self {
        Self { ports, settings, expire, failures: Mutex::default() }
    }

    /// Works until dropped. What is half done then is the next claim's to finish or to take away.
    pub async fn work(&self) {
        loop {
            if let Err(error) = self.expire.run().await {
                tracing::warn!(%error, "could not look for expired branches");
            }
            match self.claim().await {
                Ok(Some(claim)) => self.turn(claim).await,
                Ok(None) => self.ports.signals.wait(self.settings.idle).await,
                Err(error) => {
                    tracing::warn!(%error, "could not look for operations");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    async fn claim(&self) -> Result<Option<Claim>, StoreError> {
        let mut work = self.ports.control_plane.begin().await?;
        let claim = work.operations().claim_next(self.settings.lease).await?;
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
        let carried_out = async {
            match kind {
                OperationKind::CreateBranch => self.create(&hold).await,
                OperationKind::DeleteBranch => self.delete(&hold).await,
                OperationKind::ResetBranch => self.reset(&hold).await,
                OperationKind::UndoReset => self.undo(&hold).await,
                OperationKind::DiscardGeneration => self.discard(&hold).await,
                OperationKind::MigrateBranch | OperationKind::DiffBranches => Err(unknown_kind(kind)),
            }
        };
        let result = tokio::select! {
            result = carried_out => result,
            _lost = hold.keep() => Err(BuildError::Stopped),
        };
        match result {
            Ok(()) => {
                self.forget_failures(id);
                tracing::info!(operation.id = %id, kind = kind.name(), "operation succeeded");
            }
            Err(BuildError::Stopped) => tracing::warn!(operation.id = %id, "the claim was lost to another worker"),
            Err(error) => self.try_again_or_give_up(&hold, &claim, error).await,
        }
    }

    async fn try_again_or_give_up(&self, hold: &Arc<Hold>, claim: &Claim, error: BuildError) {
        let id = claim.operation.id;
        let failures = self.count_failure(id);
        let worth_trying = matches!(error, BuildError::Retryable { .. }) && failures < self.settings.attempts;
        tracing::warn!(operation.id = %id, failures, cause = cause(&error), "operation did not work out: {error}");
        let outcome = if worth_trying {
            self.release(claim, back_off(failures)).await
        } else {
            self.forget_failures(id);
            self.give_up(hold, claim, &error).await
        };
        if let Err(error) = outcome {
            // Nothing is lost: the lease runs out and a later claim begins again.
            tracing::warn!(operation.id = %id, %error, "could not write down how the operation ended");
        }
    }

    async fn release(&self, claim: &Claim, delay: Duration) -> Result<(), StoreError> {
        let mut work = self.ports.control_plane.begin().await?;
        work.operations().release(claim, delay).await?;
        work.commit().await
    }

    /// Ends an operation that failed for good. What a create had made is gone before its branch says so; a delete stays to be tried again later, for a
    /// branch that is half gone must not come back.
    async fn give_up(&self, hold: &Arc<Hold>, claim: &Claim, error: &BuildError) -> Result<(), StoreError> {
        let error = operation_error(error);
        match claim.operation.kind {
            OperationKind::CreateBranch => self.fail_create(hold, error).await,
            OperationKind::ResetBranch => self.fail_reset(hold, error).await,
            OperationKind::MigrateBranch | OperationKind::DiffBranches => self.fail(hold, error).await,
            OperationKind::DeleteBranch | OperationKind::UndoReset | OperationKind::DiscardGeneration => {
                self.release(claim, Duration::from_mins(1)).await
            }
        }
    }

    fn count_failure(&self, id: OperationId) -> u32 {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(id).or_default();
        *count += 1;
        *count
    }

    fn forget_failures(&self, id: OperationId) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

fn unknown_kind(kind: OperationKind) -> BuildError {
    BuildError::Refused { code: "unknown_operation", message: format!("this replica does not know how to do '{}'", kind.name()) }
}

fn operation_error(error: &BuildError) -> OperationError {
    let code = match error {
        BuildError::Refused { code, .. } => code,
        BuildError::Retryable { .. } | BuildError::Stopped => "build_failed",
    };
    OperationError::new(code, error.to_string())
}

fn cause(error: &BuildError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

/// 1, 2, 4 ... seconds, 30 at most.
fn back_off(failures: u32) -> Duration {
    Duration::from_secs((1_u64 << failures.saturating_sub(1).min(5)).min(30))
}
