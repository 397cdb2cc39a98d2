//! Building a branch's next generation beside the one that serves, and switching to it.

use super::{OperationRunner, create::unavailable, progress::Hold};
use crate::trail::{self, FLUXBASE};
use domain::{BranchId, BranchState, StepName, branch::Previous, operation::OperationError};
use ports::driven::{BuildError, BuildProgress, BuildReport, StoreError};
use std::sync::Arc;

impl OperationRunner {
    /// Builds the next generation and switches to it. Requests that came before the switch end on the old one, which is kept for a while.
    pub(super) async fn reset(&self, hold: &Arc<Hold>) -> Result<(), BuildError> {
        let operation = hold.operation().await;
        let branch = self.branch(operation.branch_id).await?;
        let BranchState::Resetting { next, .. } = branch.state else {
            return Err(BuildError::Refused {
                code: "illegal_transition",
                message: format!("branch '{}' is {}, so there is nothing to reset", branch.slug, branch.state.status()),
            });
        };
        let request = self.request(&branch, next).await?;
        let report = self.ports.builder.build(&request, Arc::clone(hold) as Arc<dyn BuildProgress>).await?;
        hold.step(StepName::Admit).await?;
        self.ports.builder.admit(&request.target).await?;
        hold.step(StepName::Switch).await?;
        self.switch_reset(hold, branch.id, report).await.map_err(unavailable)?;
        hold.after_effect().await;
        Ok(())
    }

    /// In one transaction: the next generation serves, the old one is kept for `branching.reset_undo`, the operation is done.
    async fn switch_reset(&self, hold: &Hold, id: BranchId, report: BuildReport) -> Result<(), StoreError> {
        let claim = hold.finished().await;
        let mut work = self.ports.control_plane.begin().await?;
        let mut branch = work.branches().find(id, true).await?.ok_or(StoreError::Fenced)?;
        let now = self.ports.clock.now();
        let (state, before) = branch.state.switched().map_err(|_| StoreError::Fenced)?;
        branch.state = state;
        // One that an earlier reset had replaced goes now: there is one step back.
        if let Some(older) = branch.previous.take() {
            self.queue_discard(&mut *work, branch.id, older.generation, now).await?;
        }
        branch.previous = before.map(|generation| Previous {
            generation,
            since: now,
            closed: false,
            until: now + self.settings.reset_undo,
            withheld: std::mem::take(&mut branch.withheld),
            data_as_of: branch.data_as_of,
        });
        branch.withheld = report.withheld;
        branch.data_as_of = report.data_as_of;
        branch.updated_at = now;
        work.branches().update(&branch).await?;
        work.operations().save(&claim).await?;
        let detail = Some(format!("{} objects, {} rows, from {}", report.objects, report.rows, report.source.name()));
        work.activity().record(&trail::activity(id, FLUXBASE.to_owned(), "reset", detail, now)).await?;
        work.commit().await
    }

    /// Takes away what was built and says that it failed; what served before serves on.
    pub(super) async fn fail_reset(&self, hold: &Hold, error: OperationError) -> Result<(), StoreError> {
        let operation = hold.operation().await;
        let mut work = self.ports.control_plane.begin().await?;
        let Some(branch) = work.branches().find(operation.branch_id, false).await? else { return Ok(()) };
        drop(work);
        if let BranchState::Resetting { next, .. } = branch.state {
            let target = self.tag(&branch, next);
            self.ports.builder.drop_database(&target).await.map_err(|error| StoreError::Unavailable(error.into()))?;
        }
        let claim = hold.failed(error.clone()).await;
        let mut work = self.ports.control_plane.begin().await?;
        let now = self.ports.clock.now();
        if let Some(mut branch) = work.branches().find(operation.branch_id, true).await?
            && let Ok(state) = branch.state.clone().reset_failed(error.message.clone())
        {
            branch.state = state;
            branch.updated_at = now;
            work.branches().update(&branch).await?;
            work.activity().record(&trail::activity(branch.id, FLUXBASE.to_owned(), "reset_failed", Some(error.message), now)).await?;
        }
        work.operations().save(&claim).await?;
        work.commit().await
    }
}
