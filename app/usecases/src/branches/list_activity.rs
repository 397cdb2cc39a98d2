//! See who did what to a branch.

use super::{lookup::find_visible, ports::BranchPorts};
use async_trait::async_trait;
use domain::{Caller, Failure, page::Page};
use ports::{
    driven::ActivityEntry,
    driving::{ListBranchActivity, UseCase},
};

/// See [`ListBranchActivity`].
pub struct ListBranchActivityUseCase {
    ports: BranchPorts,
}

impl ListBranchActivityUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }
}

#[async_trait]
impl UseCase<ListBranchActivity> for ListBranchActivityUseCase {
    async fn run(&self, caller: &Caller, command: ListBranchActivity) -> Result<Page<ActivityEntry>, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let branch = find_visible(&mut *work, caller, &command.branch).await?;
        Ok(work.activity().list(branch.id, &command.page).await?)
    }
}
