//! Who may make branches, and who may have everybody's rows copied.

use super::lookup::nameless;
use domain::{Branch, DataCloneMode, Denied, Failure, Principal, access::PrincipalKind, branch::AccessLevel};
use ports::driven::UserRepository;

/// What a credential of nobody made would be nobody's: no quota would hold for it, and administrators alone could take it away.
pub(super) fn check_somebody(principal: &Principal) -> Result<(), Failure> {
    let stands_for_itself = match principal.kind {
        PrincipalKind::ServiceKey(_) | PrincipalKind::Internal => true,
        PrincipalKind::Token => principal.administers_branches(),
        PrincipalKind::ApiKey(_) | PrincipalKind::Anonymous => false,
    };
    if principal.user_id.is_some() || stands_for_itself { Ok(()) } else { Err(Denied::NoUser.into()) }
}

/// A clone has everybody's rows, and its maker reads them: nothing for somebody who signed up by himself, by a session or by a key; and of another's
/// branch only for who may see all of that one too.
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
        None => check_somebody(principal),
    }
}
