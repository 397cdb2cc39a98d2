//! The last transaction of an operation: what it does to the branch, that it has ended, and the history's line, all at once.

use super::{OperationRunner, halt::Failed, halt::Halt, progress::Hold};
use crate::trail::{self, FLUXBASE};
use domain::{Branch, Failure, operation::Claim};
use ports::driven::UnitOfWork;
use time::OffsetDateTime;

/// An operation about to end: its row is written, its branch's row is locked, and nothing is seen of either before [`Ending::commit`].
pub(super) struct Ending {
    pub(super) work: Box<dyn UnitOfWork>,
    pub(super) branch: Branch,
    pub(super) now: OffsetDateTime,
    actor: String,
}

impl OperationRunner {
    /// Ends it well; [`Halt::Cancelled`] where somebody called it off before.
    pub(super) async fn succeed(&self, hold: &Hold, result: Option<String>) -> Result<Ending, Halt> {
        let mut ending = self.end(hold.finished(result).await).await?;
        let operation = hold.operation().await;
        // Read behind the row's own lock: who calls it off from now on finds that it has ended.
        if operation.kind.can_be_called_off() && ending.work.operations().cancel_requested(operation.id).await? {
            return Err(Halt::Cancelled);
        }
        Ok(ending)
    }

    pub(super) async fn fail(&self, hold: &Hold, failed: &Failed) -> Result<Ending, Halt> {
        self.end(hold.failed(failed).await).await
    }

    pub(super) async fn cancel(&self, hold: &Hold) -> Result<Ending, Halt> {
        self.end(hold.called_off().await).await
    }

    async fn end(&self, claim: Claim) -> Result<Ending, Halt> {
        let mut work = self.ports.control_plane.begin().await?;
        // The branch's row before the operation's, as everywhere.
        let id = claim.operation.branch_id;
        let branch = work.branches().find(id, true).await?.ok_or_else(|| Halt::from(Failure::not_found("branch", id.to_string())))?;
        work.operations().save(&claim).await?;
        let actor = if claim.operation.input.actor.is_empty() { FLUXBASE.to_owned() } else { claim.operation.input.actor };
        Ok(Ending { work, branch, now: self.ports.clock.now(), actor })
    }
}

impl Ending {
    /// A line of the branch's history.
    pub(super) async fn tell(&mut self, action: &str, detail: Option<String>) -> Result<(), Halt> {
        let entry = trail::activity(self.branch.id, FLUXBASE.to_owned(), action, detail, self.now);
        Ok(self.work.activity().record(&entry).await?)
    }

    /// The branch is again what it was before the operation began.
    pub(super) fn leave_as_it_was(&mut self, error_before: Option<String>) -> Result<(), Halt> {
        self.branch.state = self.branch.state.clone().called_off(error_before, self.now).map_err(elsewhere)?;
        Ok(())
    }

    /// Who asked for the operation.
    pub(super) fn actor(&self) -> &str {
        &self.actor
    }

    /// Writes the branch back and makes everything visible.
    pub(super) async fn commit_with_branch(mut self) -> Result<(), Halt> {
        self.branch.updated_at = self.now;
        self.work.branches().update(&self.branch).await?;
        self.commit().await
    }

    /// Makes everything visible; the branch stays as it is.
    pub(super) async fn commit(self) -> Result<(), Halt> {
        Ok(self.work.commit().await?)
    }
}

/// A state that the branch should be in and is not: somebody else has ended the operation.
pub(super) fn elsewhere(_: domain::branch::IllegalTransition) -> Halt {
    Halt::Lost
}
