//! See how an operation is getting on.

use async_trait::async_trait;
use domain::{Caller, Failure, Operation, branch::AccessLevel};
use ports::{
    driven::ControlPlane,
    driving::{GetOperation, UseCase},
};
use std::sync::Arc;

/// See [`GetOperation`].
pub struct GetOperationUseCase {
    control_plane: Arc<dyn ControlPlane>,
}

impl GetOperationUseCase {
    /// Over the control plane.
    pub fn new(control_plane: Arc<dyn ControlPlane>) -> Self {
        Self { control_plane }
    }
}

#[async_trait]
impl UseCase<GetOperation> for GetOperationUseCase {
    async fn run(&self, caller: &Caller, command: GetOperation) -> Result<Operation, Failure> {
        let missing = || Failure::not_found("operation", command.id.to_string());
        let mut work = self.control_plane.begin().await?;
        let operation = work.operations().find(command.id).await?.ok_or_else(missing)?;
        let branch = work.branches().find(operation.branch_id, false).await?.ok_or_else(missing)?;
        branch.check_access(&caller.principal, AccessLevel::Read)?;
        Ok(operation)
    }
}
