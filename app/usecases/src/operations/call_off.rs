//! Calling an operation off: what it made is taken away, and the branch is what it was.

use super::{OperationRunner, halt::Halt, migrate::record, progress::Hold, seed::tell_sown};
use domain::{OperationKind, branch::Status};
use ports::driven::BuildProgress;
use std::sync::Arc;

impl OperationRunner {
    /// Before its switch only; that is what [`OperationRunner::succeed`] holds to.
    pub(super) async fn call_off(&self, hold: &Arc<Hold>) -> Result<(), Halt> {
        let operation = hold.operation().await;
        match operation.kind {
            OperationKind::CreateBranch | OperationKind::ResetBranch => self.drop_unbuilt(hold).await?,
            OperationKind::MigrateBranch | OperationKind::DiffBranches if operation.is_trial() => {
                self.ports.trials.discard(operation.id, Arc::clone(hold) as Arc<dyn BuildProgress>).await?;
            }
            OperationKind::MigrateBranch
            | OperationKind::DiffBranches
            | OperationKind::SeedBranch
            | OperationKind::UndoReset
            | OperationKind::DeleteBranch
            | OperationKind::DiscardGeneration => {}
        }
        let migrates = operation.kind == OperationKind::MigrateBranch && !operation.is_trial();
        let applied = if migrates { self.applied_until_now(hold).await? } else { Vec::new() };
        let seeds = operation.kind == OperationKind::SeedBranch;
        let sown = if seeds { self.sown_until_now(hold).await? } else { Vec::new() };
        let mut ending = self.cancel(hold).await?;
        if matches!(operation.kind, OperationKind::ResetBranch | OperationKind::UndoReset) {
            self.let_people_stay(&mut *ending.work, &ending.branch).await?;
        }
        record(&mut ending, &applied, None).await?;
        tell_sown(&mut ending, &sown).await?;
        let detail = Some(format!("{} {}", operation.kind.name(), operation.id));
        ending.tell("cancelled", detail).await?;
        if ending.branch.state.operation() != Some(operation.id) {
            return ending.commit().await;
        }
        ending.leave_as_it_was(operation.input.error_before)?;
        if let (OperationKind::UndoReset, Some(previous)) = (operation.kind, &mut ending.branch.previous) {
            // It may have been opened already.
            previous.closed = false;
        }
        if ending.branch.state.status() == Status::Deleted {
            ending.work.keys().revoke_pinned(&ending.branch.slug, ending.now).await?;
        }
        ending.commit_with_branch().await
    }
}
