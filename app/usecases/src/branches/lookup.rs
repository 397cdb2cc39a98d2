//! Finding the branch that a request names by id or slug, with access checked.

use crate::routing::nameless;
use domain::{
    Branch, BranchId, Caller, Failure, Fault, Principal, Slug,
    branch::{AccessLevel, Status},
};
use ports::driven::{BranchRepository, ControlPlane, UnitOfWork};
use std::{fmt, time::Duration};

/// How long a request waits for a branch's row, or for its turn to admit one, that something else has, over one of a few connections.
pub(super) const ROW_PATIENCE: Duration = Duration::from_secs(5);

/// A live branch by id or slug. A slug may read as an id: it is one where no branch has that id.
async fn find_live(branches: &mut dyn BranchRepository, reference: &str) -> Result<Branch, Failure> {
    let live = |found: Option<Branch>| found.filter(|branch| branch.state.status() != Status::Deleted);
    if let Ok(id) = reference.parse::<BranchId>()
        && let Some(branch) = live(branches.find(id, false).await?)
    {
        return Ok(branch);
    }
    let missing = || Failure::not_found("branch", reference);
    let slug: Slug = reference.parse().map_err(|_| missing())?;
    live(branches.find_by_slug(&slug).await?).ok_or_else(missing)
}

/// The same, for a caller who wants to go so far on it.
pub(super) async fn find_for(work: &mut dyn UnitOfWork, caller: &Caller, reference: &str, needed: AccessLevel) -> Result<Branch, Failure> {
    let branch = find_live(work.branches(), reference).await?;
    check_as(&branch, reference, &caller.principal, needed)?;
    Ok(branch)
}

/// The same, for a caller who wants to see it.
pub(super) async fn find_visible(work: &mut dyn UnitOfWork, caller: &Caller, reference: &str) -> Result<Branch, Failure> {
    find_for(work, caller, reference, AccessLevel::Read).await
}

/// The parent of a branch that the caller sees: by their own rights, wherever their key is pinned to, for nobody names it.
pub(super) async fn find_parent(work: &mut dyn UnitOfWork, caller: &Caller, branch: &Branch) -> Result<Branch, Failure> {
    let Some(id) = branch.parent_id else {
        return Err(Fault::new("/target", "main has no parent to be compared with: name a branch").into());
    };
    let parent = find_live(work.branches(), &id.to_string()).await?;
    parent.check_access(&caller.principal, AccessLevel::Read).map_err(|denied| nameless(denied, id))?;
    Ok(parent)
}

/// The same as [`find_for`], with its row locked until the unit of work ends: what is decided by it holds when it is written.
pub(super) async fn find_locked(work: &mut dyn UnitOfWork, caller: &Caller, reference: &str, needed: AccessLevel) -> Result<Branch, Failure> {
    let found = find_for(work, caller, reference, needed).await?;
    work.wait_at_most(ROW_PATIENCE).await?;
    let branch = work.branches().find(found.id, true).await?.filter(|branch| branch.state.status() != Status::Deleted);
    let branch = branch.ok_or_else(|| Failure::not_found("branch", reference))?;
    check_as(&branch, reference, &caller.principal, needed)?;
    Ok(branch)
}

/// A branch whose row is locked in a unit of work that has the lock of admissions as well.
///
/// Whoever has a row may have it for a while, as a reset at its switch does, and everybody who makes or deletes a branch waits for the lock of admissions: so
/// who has that waits for no row. Where a row is taken, both are let go of, the row is waited for alone, and it begins anew.
pub(super) async fn find_admitted(
    control_plane: &dyn ControlPlane,
    caller: &Caller,
    reference: &str,
    needed: AccessLevel,
) -> Result<(Box<dyn UnitOfWork>, Branch), Failure> {
    loop {
        let mut work = control_plane.begin().await?;
        let found = find_for(&mut *work, caller, reference, needed).await?;
        work.branches().lock_admission(ROW_PATIENCE).await?;
        if let Some(branch) = work.branches().find_free(found.id).await? {
            if branch.state.status() == Status::Deleted {
                return Err(Failure::not_found("branch", reference));
            }
            check_as(&branch, reference, &caller.principal, needed)?;
            return Ok((work, branch));
        }
        drop(work);
        wait_for_row(control_plane, found.id).await?;
    }
}

/// Waits until nobody has the branch's row.
pub(super) async fn wait_for_row(control_plane: &dyn ControlPlane, id: BranchId) -> Result<(), Failure> {
    let mut work = control_plane.begin().await?;
    work.wait_at_most(ROW_PATIENCE).await?;
    work.branches().find(id, true).await?;
    Ok(())
}

/// [`check`] for a branch that was asked for as `named`.
pub(super) fn check_as(branch: &Branch, named: impl fmt::Display, principal: &Principal, needed: AccessLevel) -> Result<(), Failure> {
    if let Some(pinned) = principal.restrictions.branch.as_ref().filter(|pinned| **pinned != branch.slug) {
        let reason = format!("the key says branch '{pinned}', the request says '{named}'; name one");
        return Err(Failure::bad_request("branch_mismatch", reason));
    }
    branch.check_access(principal, needed).map_err(|denied| nameless(denied, named).into())
}

/// Whether an operation of the branch is shown: to whoever may not see the branch, or is pinned to another, there is no such operation.
pub(super) fn check_seen(branch: &Branch, principal: &Principal, missing: impl FnOnce() -> Failure) -> Result<(), Failure> {
    check(branch, principal, AccessLevel::Read).map_err(|_| missing())
}

/// Whether the principal may go so far on the branch, and its key does not keep it elsewhere.
pub(super) fn check(branch: &Branch, principal: &Principal, needed: AccessLevel) -> Result<(), Failure> {
    check_as(branch, &branch.slug, principal, needed)
}

/// Whether the principal may do what is done as the owner of the branch's objects.
pub(super) fn check_owner(branch: &Branch, principal: &Principal) -> Result<(), Failure> {
    check(branch, principal, branch.owner_level())
}

#[cfg(test)]
mod tests {
    use super::{check, check_owner, find_visible};
    use crate::testing::{FakeWork, branch, caller, main_branch, pinned_to, work_with};
    use domain::{Scope, branch::AccessLevel};

    #[test]
    fn a_pinned_key_reaches_no_other_branch_of_its_user() {
        let pinned = pinned_to("pr-1", Scope::WriteBranches).principal;
        assert!(check(&branch("pr-1", Some(1)), &pinned, AccessLevel::Admin).is_ok());
        assert_eq!(check(&branch("pr-2", Some(1)), &pinned, AccessLevel::Read).unwrap_err().code(), "branch_mismatch");
        assert_eq!(check(&main_branch(), &pinned, AccessLevel::Read).unwrap_err().code(), "branch_mismatch");
    }

    #[test]
    fn nobody_but_administrators_owns_main() {
        let alice = caller(Some(1), [Scope::WriteBranches]).principal;
        assert!(check_owner(&branch("pr-1", Some(1)), &alice).is_ok());
        assert_eq!(check_owner(&main_branch(), &alice).unwrap_err().code(), "branch_access_denied");
    }

    #[tokio::test]
    async fn a_slug_that_reads_as_an_id_is_found() {
        let mut work = FakeWork::default();
        let hers = branch("a1b2c3d4-e5f6-4890-abcd-ef1234567890", Some(1));
        let reference = hers.slug.to_string();
        work.branches.expect_find().returning(|_, _| Ok(None));
        work.branches.expect_find_by_slug().returning(move |_| Ok(Some(hers.clone())));
        let found = find_visible(&mut work, &caller(Some(1), [Scope::ReadBranches]), &reference).await.unwrap();
        assert_eq!(found.slug.as_str(), reference);
    }

    #[tokio::test]
    async fn who_has_no_access_learns_no_name_that_the_request_does_not_say() {
        let hers = branch("secret-deal", Some(1));
        for reference in [hers.id.to_string(), "secret-deal".to_owned()] {
            let mut work = work_with(Some(hers.clone()));
            let refused = find_visible(&mut work, &caller(Some(2), [Scope::ReadBranches]), &reference).await.unwrap_err();
            assert_eq!(refused.to_string(), format!("no access to branch '{reference}'"));
            let mut work = work_with(Some(hers.clone()));
            let refused = find_visible(&mut work, &pinned_to("pr-1", Scope::ReadBranches), &reference).await.unwrap_err().to_string();
            assert!(refused.contains(&format!("'{reference}'")) && (reference == "secret-deal" || !refused.contains("secret")), "{refused}");
        }
    }
}
