//! See who did what to a branch.

use super::lookup::find_visible;
use async_trait::async_trait;
use domain::{Caller, Failure, page::Page};
use ports::{
    driven::{ActivityEntry, ControlPlane},
    driving::{ListBranchActivity, UseCase},
};
use std::sync::Arc;

/// See [`ListBranchActivity`].
pub struct ListBranchActivityUseCase {
    control_plane: Arc<dyn ControlPlane>,
}

impl ListBranchActivityUseCase {
    /// Over the control plane.
    pub fn new(control_plane: Arc<dyn ControlPlane>) -> Self {
        Self { control_plane }
    }
}

#[async_trait]
impl UseCase<ListBranchActivity> for ListBranchActivityUseCase {
    async fn run(&self, caller: &Caller, command: ListBranchActivity) -> Result<Page<ActivityEntry>, Failure> {
        let mut work = self.control_plane.begin().await?;
        let branch = find_visible(&mut *work, caller, &command.branch).await?;
        Ok(work.activity().list(branch.id, &command.page).await?)
    }
}
