//! Bring back what the latest reset replaced.

use super::{lookup::find_locked, ports::BranchPorts, start::Start};
use async_trait::async_trait;
use domain::{Action, Caller, Failure, OperationKind, branch::AccessLevel, operation::OperationInput};
use ports::driving::{StartedOperation, UndoReset, UseCase};

/// See [`UndoReset`].
pub struct UndoResetUseCase {
    ports: BranchPorts,
}

impl UndoResetUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }
}

#[async_trait]
impl UseCase<UndoReset> for UndoResetUseCase {
    async fn run(&self, caller: &Caller, command: UndoReset) -> Result<StartedOperation, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let branch = find_locked(&mut *work, caller, &command.branch, AccessLevel::Admin).await?;
        let start = Start::new(&self.ports, caller, Action::UndoReset, "undo_requested");
        let error_before = branch.state.error().map(str::to_owned);
        let (branch, previous) = branch.undo(start.id, start.now)?;
        let input = OperationInput { generation: Some(previous.generation), error_before, ..OperationInput::default() };
        let operation = start.operation(OperationKind::UndoReset, &branch, input);
        start.commit(work, branch, true, operation).await
    }
}

#[cfg(test)]
mod tests {
    use super::UndoResetUseCase;
    use crate::testing::{branch, branch_ports, caller, work_with};
    use domain::Scope;
    use ports::driving::{UndoReset, UseCase};

    #[tokio::test]
    async fn without_a_reset_there_is_nothing_to_undo() {
        let use_case = UndoResetUseCase::new(branch_ports(work_with(Some(branch("pr-1", Some(1))))));
        let refused = use_case.run(&caller(Some(1), [Scope::WriteBranches]), UndoReset { branch: "pr-1".to_owned() }).await.unwrap_err();
        assert_eq!(refused.code(), "nothing_to_undo");
    }
}
