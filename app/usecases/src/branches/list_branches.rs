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
            let only = match find_visible(&mut *work, caller, pinned.as_str()).await {
                Ok(branch) => Some(branch),
                // It is gone, or the key's user may see it no more: there is nothing to list.
                Err(Failure::NotFound { .. } | Failure::Denied(_)) => None,
                Err(failure) => return Err(failure),
            };
            return Ok(Page { items: only.into_iter().collect(), next_cursor: None });
        }
        // Who administers no branches sees main and its own; a key of nobody's owns none, so it sees what the nil user would.
        let of = (!caller.principal.administers_branches()).then(|| caller.principal.user_id.unwrap_or(UserId::from_uuid(Uuid::nil())));
        Ok(work.branches().list(of, &command.page).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::ListBranchesUseCase;
    use crate::testing::{FakeWork, branch, branch_ports, pinned_to, work_with};
    use domain::{Scope, page::PageRequest};
    use ports::{
        driven::StoreError,
        driving::{ListBranches, UseCase},
    };

    async fn listed(work: FakeWork) -> Result<usize, String> {
        let pinned = pinned_to("pr-1", Scope::ReadBranches);
        let listed = ListBranchesUseCase::new(branch_ports(work)).run(&pinned, ListBranches { page: PageRequest::default() }).await;
        listed.map(|page| page.items.len()).map_err(|failure| failure.code().to_owned())
    }

    #[tokio::test]
    async fn a_pinned_key_lists_its_branch_while_it_is_there_for_it() {
        assert_eq!(listed(work_with(Some(branch("pr-1", Some(1))))).await, Ok(1));
        assert_eq!(listed(work_with(Some(branch("pr-1", Some(2))))).await, Ok(0), "its user sees it no more");
        assert_eq!(listed(work_with(None)).await, Ok(0));
        let mut broken = FakeWork::default();
        broken.branches.expect_find_by_slug().returning(|_| Err(StoreError::Unavailable("down".into())));
        assert_eq!(listed(broken).await, Err("unavailable".to_owned()), "what could not be read is not empty");
    }
}
