//! List branches.

use async_trait::async_trait;
use domain::UserId;
use domain::{Branch, Caller, Failure, page::Page};
use ports::{
    driven::ControlPlane,
    driving::{ListBranches, UseCase},
};
use std::sync::Arc;
use uuid::Uuid;

/// See [`ListBranches`].
pub struct ListBranchesUseCase {
    control_plane: Arc<dyn ControlPlane>,
}

impl ListBranchesUseCase {
    /// Over the control plane.
    pub fn new(control_plane: Arc<dyn ControlPlane>) -> Self {
        Self { control_plane }
    }
}

#[async_trait]
impl UseCase<ListBranches> for ListBranchesUseCase {
    async fn run(&self, caller: &Caller, command: ListBranches) -> Result<Page<Branch>, Failure> {
        // Who administers no branches sees main and its own; a key of nobody's owns none, so it sees what the nil user would.
        let of = (!caller.principal.administers_branches()).then(|| caller.principal.user_id.unwrap_or(UserId::from_uuid(Uuid::nil())));
        let mut work = self.control_plane.begin().await?;
        Ok(work.branches().list(of, &command.page).await?)
    }
}
