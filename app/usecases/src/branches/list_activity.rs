//! See who did what to a branch.

use super::{lookup::find_visible, ports::BranchPorts};
use async_trait::async_trait;
use domain::{BranchId, Caller, Failure, Principal, branch::AccessLevel, page::Page};
use ports::{
    driven::{ActivityEntry, UnitOfWork},
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
        let mut page = work.activity().list(branch.id, &command.page).await?;
        for line in &mut page.items {
            name_other(&mut *work, &caller.principal, line).await?;
        }
        Ok(page)
    }
}

/// A line that ends in the id of another branch ends in its name for whom that branch is.
async fn name_other(work: &mut dyn UnitOfWork, principal: &Principal, line: &mut ActivityEntry) -> Result<(), Failure> {
    let Some((what, id)) = line.detail.as_deref().and_then(|detail| detail.rsplit_once(' ')) else { return Ok(()) };
    let Ok(id) = id.parse::<BranchId>() else { return Ok(()) };
    if let Some(other) = work.branches().find(id, false).await?
        && other.check_access(principal, AccessLevel::Read).is_ok()
    {
        line.detail = Some(format!("{what} {}", other.slug));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::ListBranchActivityUseCase;
    use crate::testing::{FakeWork, branch, branch_ports, caller};
    use domain::{
        Branch, BranchId, Scope,
        page::{Page, PageRequest},
    };
    use ports::{
        driven::ActivityEntry,
        driving::{ListBranchActivity, UseCase},
    };
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[tokio::test]
    async fn a_parent_is_named_to_whom_it_is() {
        let parent = Branch { id: BranchId::from_uuid(Uuid::from_u128(6)), ..branch("secret-deal", Some(2)) };
        let line = |detail: String| ActivityEntry {
            branch_id: branch("pr-1", Some(1)).id,
            at: OffsetDateTime::UNIX_EPOCH,
            actor: "fluxbase".to_owned(),
            action: "create_requested".to_owned(),
            detail: Some(detail),
        };
        for (owner, named) in [(1, "full_clone of secret-deal".to_owned()), (2, format!("full_clone of {}", parent.id))] {
            let found = Branch { created_by: branch("x", Some(owner)).created_by, ..parent.clone() };
            let mut work = FakeWork::default();
            work.branches.expect_find_by_slug().returning(|_| Ok(Some(branch("pr-1", Some(1)))));
            work.branches.expect_find().returning(move |id, _| Ok((id == found.id).then(|| found.clone())));
            let items = vec![line(format!("full_clone of {}", parent.id)), line("12 objects, 3 rows, from template".to_owned())];
            work.activity.expect_list().returning(move |_, _| Ok(Page { items: items.clone(), next_cursor: None }));
            let command = ListBranchActivity { branch: "pr-1".to_owned(), page: PageRequest { limit: 9, cursor: None } };
            let page = ListBranchActivityUseCase::new(branch_ports(work)).run(&caller(Some(1), [Scope::ReadBranches]), command).await.unwrap();
            let details: Vec<_> = page.items.into_iter().filter_map(|line| line.detail).collect();
            assert_eq!(details, [named, "12 objects, 3 rows, from template".to_owned()]);
        }
    }
}
