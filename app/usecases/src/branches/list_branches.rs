//! List branches.

use super::{lookup::find_visible, ports::BranchPorts};
use async_trait::async_trait;
use domain::{Branch, Caller, Failure, UserId, page::Page};
use ports::driving::{ListBranches, UseCase};
use uuid::Uuid;

/// See [`ListBranches`].
pub struct ListBranchesUseCase {
    ports: BranchPorts,
}

impl ListBranchesUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }
}

#[async_trait]
impl UseCase<ListBranches> for ListBranchesUseCase {
    async fn run(&self, caller: &Caller, command: ListBranches) -> Result<Page<Branch>, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        if let Some(pinned) = &caller.principal.restrictions.branch {
            let only = find_visible(&mut *work, caller, pinned.as_str()).await;
            return Ok(Page { items: only.into_iter().collect(), next_cursor: None });
        }
        // Who administers no branches sees main and its own; a key of nobody's owns none, so it sees what the nil user would.
        let of = (!caller.principal.administers_branches()).then(|| caller.principal.user_id.unwrap_or(UserId::from_uuid(Uuid::nil())));
        Ok(work.branches().list(of, &command.page).await?)
    }
}
