//! Finding the branch that a request names by id or slug, with access checked.

use domain::{Branch, BranchId, Caller, Denied, Failure, Slug, branch::Status};
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

/// The same, for a caller who wants to see it.
pub(super) async fn find_visible(work: &mut dyn UnitOfWork, caller: &Caller, reference: &str) -> Result<Branch, Failure> {
    let branch = find_live(work.branches(), reference).await?;
    if !branch.accessible_to(&caller.principal) {
        return Err(denied(&branch));
    }
    Ok(branch)
}

pub(super) fn denied(branch: &Branch) -> Failure {
    Denied::Branch { branch: branch.slug.to_string() }.into()
}
