//! Finding the branch that a request names by id or slug, with access checked.

use domain::{Branch, BranchId, Caller, Failure, Slug, branch::AccessLevel, branch::Status};
use ports::driven::{BranchRepository, UnitOfWork};

/// A live branch by id or slug.
pub(super) async fn find_live(branches: &mut dyn BranchRepository, reference: &str) -> Result<Branch, Failure> {
    let missing = || Failure::not_found("branch", reference);
    let found = if let Ok(id) = reference.parse::<BranchId>() {
        branches.find(id, false).await?
    } else {
        let slug: Slug = reference.parse().map_err(|_| missing())?;
        branches.find_by_slug(&slug).await?
    };
    found.filter(|branch| branch.state.status() != Status::Deleted).ok_or_else(missing)
}

/// The same, for a caller who wants to go so far on it.
pub(super) async fn find_for(work: &mut dyn UnitOfWork, caller: &Caller, reference: &str, needed: AccessLevel) -> Result<Branch, Failure> {
    let branch = find_live(work.branches(), reference).await?;
    branch.check_access(&caller.principal, needed)?;
    Ok(branch)
}

/// The same, for a caller who wants to see it.
pub(super) async fn find_visible(work: &mut dyn UnitOfWork, caller: &Caller, reference: &str) -> Result<Branch, Failure> {
    find_for(work, caller, reference, AccessLevel::Read).await
}

/// The same, with its row locked until the unit of work ends: what is decided by it holds when it is written.
pub(super) async fn find_locked(work: &mut dyn UnitOfWork, caller: &Caller, reference: &str, needed: AccessLevel) -> Result<Branch, Failure> {
    let found = find_for(work, caller, reference, needed).await?;
    let missing = || Failure::not_found("branch", reference);
    let branch = work.branches().find(found.id, true).await?.filter(|branch| branch.state.status() != Status::Deleted).ok_or_else(missing)?;
    branch.check_access(&caller.principal, needed)?;
    Ok(branch)
}
