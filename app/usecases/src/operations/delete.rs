//! Taking a branch away.

use super::{OperationRunner, create::unavailable, progress::Hold};
use crate::trail::{self, FLUXBASE};
use domain::{BranchId, BranchState, StepName};
use ports::driven::{BuildError, BuildProgress, StoreError};
use std::sync::Arc;

impl OperationRunner {
    /// Cuts connections, drops the database, frees the slug. Each step may be done twice.
    pub(super) async fn delete(&self, hold: &Arc<Hold>) -> Result<(), BuildError> {
        let branch = self.branch(hold.operation().await.branch_id).await?;
        if let BranchState::Deleting { generation: Some(generation), .. } = branch.state {
            let target = self.tag(&branch, generation);
            hold.step(StepName::ShutOut).await?;
            self.ports.builder.shut_out(&target).await?;
            hold.step(StepName::DropDatabase).await?;
            self.ports.builder.drop_database(&target).await?;
        }
        hold.step(StepName::Forget).await?;
        self.forget(hold, branch.id).await.map_err(unavailable)?;
        hold.after_effect().await;
        Ok(())
    }

    /// In one transaction: the branch is gone, its slug free, its keys revoked, the operation done.
    async fn forget(&self, hold: &Hold, id: BranchId) -> Result<(), StoreError> {
        let claim = hold.finished().await;
        let mut work = self.ports.control_plane.begin().await?;
        let mut branch = work.branches().find(id, true).await?.ok_or(StoreError::Fenced)?;
        let now = self.ports.clock.now();
        branch.state = branch.state.gone(now).map_err(|_| StoreError::Fenced)?;
        branch.updated_at = now;
        work.branches().update(&branch).await?;
        // Keys pinned to it end with it: the slug is free from now on, and may be somebody else's next.
        work.keys().revoke_pinned(&branch.slug, now).await?;
        work.operations().save(&claim).await?;
        work.activity().record(&trail::activity(id, FLUXBASE.to_owned(), "deleted", None, now)).await?;
        work.commit().await
    }
}
