//! Beginning an operation on a branch: the branch's row, the operation, a line of history and an audit row, all at once.

use super::ports::BranchPorts;
use crate::trail;
use domain::{Action, Branch, Caller, Failure, Operation, OperationId, OperationKind, operation::OperationInput};
use ports::{driven::UnitOfWork, driving::StartedOperation};
use time::OffsetDateTime;

/// An operation that is about to begin.
pub(super) struct Start<'a> {
    pub(super) caller: &'a Caller,
    pub(super) id: OperationId,
    pub(super) now: OffsetDateTime,
    /// The line of history.
    pub(super) told: &'static str,
    pub(super) detail: Option<String>,
    pub(super) action: Action,
}

impl<'a> Start<'a> {
    pub(super) fn new(ports: &BranchPorts, caller: &'a Caller, action: Action, told: &'static str) -> Self {
        Self { caller, id: OperationId::from_uuid(ports.ids.fresh()), now: ports.clock.now(), told, detail: None, action }
    }

    /// The operation, as it is written.
    pub(super) fn operation(&self, kind: OperationKind, branch: &Branch, input: OperationInput) -> Operation {
        let input = OperationInput { actor: trail::actor(self.caller), ..input };
        Operation::queued(self.id, kind, branch.id, self.now).with_input(input)
    }

    /// Writes everything and commits. `changed` says whether the branch itself is another than before.
    pub(super) async fn commit(
        self,
        mut work: Box<dyn UnitOfWork>,
        branch: Branch,
        changed: bool,
        operation: Operation,
    ) -> Result<StartedOperation, Failure> {
        if changed {
            work.branches().update(&branch).await?;
        }
        work.operations().insert(&operation).await?;
        work.activity().record(&trail::activity(branch.id, trail::actor(self.caller), self.told, self.detail, self.now)).await?;
        let row = trail::done(self.caller, self.action, Some(branch.slug.clone()), Some(branch.slug.to_string()), self.now);
        work.audit().record(&row).await?;
        work.commit().await?;
        Ok(StartedOperation { branch: branch.told_at(self.now), operation })
    }
}
