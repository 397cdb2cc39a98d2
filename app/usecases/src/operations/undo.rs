//! Switching back to what a reset had replaced.

use super::{
    OperationRunner,
    create::nothing_to_do,
    ending::elsewhere,
    halt::{Failed, Halt},
    progress::Hold,
};
use domain::BranchState;
use std::sync::Arc;

impl OperationRunner {
    /// Opens the previous generation again, switches to it, and drops the one that it takes over from.
    pub(super) async fn undo(&self, hold: &Arc<Hold>) -> Result<(), Halt> {
        let branch = self.subject(hold).await?;
        let BranchState::Resetting { next: previous, .. } = branch.state else { return Err(nothing_to_do(&branch)) };
        self.let_people_come_back(hold).await?;
        let target = self.settings.names.tag(&branch, previous);
        self.let_in(hold, &target).await?;
        let mut ending = self.succeed(hold, None).await?;
        let (state, undone) = ending.branch.state.clone().switched().map_err(elsewhere)?;
        ending.branch.state = state;
        self.hand_people_over(&mut ending, &target, undone).await?;
        if let Some(kept) = ending.branch.previous.take() {
            ending.branch.withheld = kept.withheld;
            ending.branch.data_as_of = kept.data_as_of;
        }
        if let Some(undone) = undone {
            self.queue_discard(&mut *ending.work, &branch, undone, ending.now).await?;
        }
        ending.tell("reset_undone", None).await?;
        ending.commit_with_branch().await?;
        hold.after_effect().await;
        Ok(())
    }

    /// It stays as it is, and what was kept stays kept.
    pub(super) async fn fail_undo(&self, hold: &Hold, failed: &Failed) -> Result<(), Halt> {
        let error_before = hold.operation().await.input.error_before;
        let mut ending = self.fail(hold, failed).await?;
        self.let_people_stay(&mut *ending.work, &ending.branch).await?;
        ending.leave_as_it_was(error_before)?;
        // It may have been opened already.
        if let Some(previous) = &mut ending.branch.previous {
            previous.closed = false;
        }
        ending.tell("undo_failed", Some(failed.error.message.clone())).await?;
        ending.commit_with_branch().await
    }
}
