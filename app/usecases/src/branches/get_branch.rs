//! See one branch.

use super::lookup::find_visible;
use async_trait::async_trait;
use domain::{Caller, Failure};
use ports::{
    driven::ControlPlane,
    driving::{BranchDetails, GetBranch, UseCase},
};
use std::sync::Arc;

/// See [`GetBranch`].
pub struct GetBranchUseCase {
    control_plane: Arc<dyn ControlPlane>,
}

impl GetBranchUseCase {
    /// Over the control plane.
    pub fn new(control_plane: Arc<dyn ControlPlane>) -> Self {
        Self { control_plane }
    }
}

#[async_trait]
impl UseCase<GetBranch> for GetBranchUseCase {
    async fn run(&self, caller: &Caller, command: GetBranch) -> Result<BranchDetails, Failure> {
        let mut work = self.control_plane.begin().await?;
        let branch = find_visible(&mut *work, caller, &command.branch).await?;
        Ok(BranchDetails { branch, health: None, migrations: None })
    }
}
