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
        let now = self.ports.clock.now();
        if let Some(pinned) = &caller.principal.restrictions.branch {
            let only = match find_visible(&mut *work, caller, pinned.as_str()).await {
                Ok(branch) => Some(branch.told_at(now)),
                // It is gone, or the key's user may see it no more: there is nothing to list.
                Err(Failure::NotFound { .. } | Failure::Denied(_)) => None,
                Err(failure) => return Err(failure),
            };
            return Ok(Page { items: only.into_iter().collect(), next_cursor: None });
        }
        // Who administers no branches sees main and its own; a key of nobody's owns none, so it sees what the nil user would.
        let of = (!caller.principal.administers_branches()).then(|| caller.principal.user_id.unwrap_or(UserId::from_uuid(Uuid::nil())));
        let page = work.branches().list(of, &command.page).await?;
        Ok(Page { items: page.items.into_iter().map(|branch| branch.told_at(now)).collect(), ..page })
    }
}

#[cfg(test)]
mod tests {
    use super::ListBranchesUseCase;
    use crate::testing::{FakeWork, branch, branch_ports, caller, pinned_to, work_with};
    use domain::{
        Branch, Generation, Scope,
        branch::Previous,
        page::{Page, PageRequest},
    };
    use ports::{
        driven::StoreError,
        driving::{ListBranches, UseCase},
    };
    use time::{Duration, OffsetDateTime};

    async fn listed(work: FakeWork) -> Result<usize, String> {
        let pinned = pinned_to("pr-1", Scope::ReadBranches);
        let listed = ListBranchesUseCase::new(branch_ports(work)).run(&pinned, ListBranches { page: PageRequest::default() }).await;
        listed.map(|page| page.items.len()).map_err(|failure| failure.code().to_owned())
    }

    #[tokio::test]
    async fn what_a_reset_replaced_is_listed_while_it_can_be_brought_back() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let reset = move |seconds| {
            let until = now + Duration::seconds(seconds);
            let kept = Previous { generation: Generation::FIRST, since: now, until, closed: false, withheld: Vec::new(), data_as_of: None };
            Branch { previous: Some(kept), ..branch("pr-1", Some(1)) }
        };
        for caller in [caller(Some(1), [Scope::ReadBranches]), pinned_to("pr-1", Scope::ReadBranches)] {
            for (seconds, is_told) in [(0, false), (1, true)] {
                let mut work = work_with(Some(reset(seconds)));
                work.branches.expect_list().returning(move |_, _| Ok(Page { items: vec![reset(seconds)], next_cursor: None }));
                let use_case = ListBranchesUseCase::new(branch_ports(work));
                let listed = use_case.run(&caller, ListBranches { page: PageRequest::default() }).await.unwrap();
                assert_eq!(listed.items[0].previous.is_some(), is_told, "{seconds}");
            }
        }
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
