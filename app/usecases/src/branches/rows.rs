//! Who may have everybody's rows copied.

use crate::routing::nameless;
use domain::{
    Branch, DataCloneMode, Denied, Failure, Fault, Principal,
    branch::{AccessLevel, MaxAge},
};
use ports::driven::UserRepository;

/// Refuses a principal that may not have a copy of the parent's rows. A full clone has everybody's rows, and who makes it can read all of them.
///
/// So it is not for users who signed up by themselves, whether by a session or by a key. And a branch's rows are only for who may read all of that branch
/// already, by its owner's rights.
pub(super) async fn may_copy_rows(
    users: &mut dyn UserRepository,
    principal: &Principal,
    parent: &Branch,
    mode: DataCloneMode,
) -> Result<(), Failure> {
    let with_rows = mode == DataCloneMode::FullClone;
    // A key that is pinned to the branch names no other by resetting it.
    let needed = if with_rows && !parent.is_main() { parent.owner_level() } else { AccessLevel::Read };
    parent.check_access(principal, needed).map_err(|denied| nameless(denied, parent.id))?;
    if !with_rows || principal.administers_branches() {
        return Ok(());
    }
    match principal.user_id {
        Some(user) if !users.is_member(user).await? => Err(Denied::FullCloneNeedsMember.into()),
        Some(_) => Ok(()),
        None if principal.is_somebody() => Ok(()),
        None => Err(Denied::NoUser.into()),
    }
}

/// Refuses an age for rows where none of the parent's are copied. An age of 0 asks for no kept copy, and holds anyway.
pub(super) fn check_max_age(max_age: Option<MaxAge>, mode: DataCloneMode) -> Result<(), Failure> {
    if mode == DataCloneMode::FullClone || max_age.is_none_or(|age| age.seconds() == 0) {
        return Ok(());
    }
    let message = format!("is for data_clone_mode full_clone, which copies the parent's rows; this is {mode}: leave it out");
    Err(Fault::new("/max_age", message).into())
}
