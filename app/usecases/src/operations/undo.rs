//! Switching back to what a reset had replaced.

use super::{OperationRunner, create::unavailable, progress::Hold};
use crate::trail::{self, FLUXBASE};
use domain::{Branch, StepName};
use ports::driven::{BuildError, BuildProgress, StoreError};
use std::sync::Arc;

impl OperationRunner {
    /// Opens the previous generation again, switches to it, and drops the one that it takes over from. Its input names the previous generation: where
    /// that serves already, the switch was done before a crash.
    pub(super) async fn undo(&self, hold: &Arc<Hold>) -> Result<(), BuildError> {
        let operation = hold.operation().await;
        let branch = self.branch(operation.branch_id).await?;
        let Some(previous) = operation.input.generation else {
            return Err(BuildError::Refused { code: "nothing_to_undo", message: "the operation names no generation to go back to".to_owned() });
        };
        if branch.state.serving() != Some(previous) {
            hold.step(StepName::Admit).await?;
            self.ports.builder.admit(&self.tag(&branch, previous)).await?;
        }
        hold.step(StepName::Switch).await?;
        self.switch_back(hold, branch).await.map_err(unavailable)?;
        hold.after_effect().await;
        Ok(())
    }

    /// In one transaction: the previous generation serves, the one that a reset had built is to be dropped, the operation is done.
    async fn switch_back(&self, hold: &Hold, branch: Branch) -> Result<(), StoreError> {
        let claim = hold.finished().await;
        let mut work = self.ports.control_plane.begin().await?;
        let mut branch = work.branches().find(branch.id, true).await?.ok_or(StoreError::Fenced)?;
        let now = self.ports.clock.now();
        if let Some(previous) = branch.previous.take() {
            let (state, undone) = branch.state.switched().map_err(|_| StoreError::Fenced)?;
            branch.state = state;
            branch.withheld = previous.withheld;
            branch.data_as_of = previous.data_as_of;
            branch.updated_at = now;
            if let Some(undone) = undone {
                self.queue_discard(&mut *work, branch.id, undone, now).await?;
            }
            work.branches().update(&branch).await?;
            work.activity().record(&trail::activity(branch.id, FLUXBASE.to_owned(), "reset_undone", None, now)).await?;
        }
        work.operations().save(&claim).await?;
        work.commit().await
    }
}
