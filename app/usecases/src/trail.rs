//! Audit rows and lines of a branch's history, as use cases write them.

use domain::{Action, BranchId, Caller, Failure, Slug, access::PrincipalKind, audit::AuditEntry};
use ports::driven::ActivityEntry;
use time::OffsetDateTime;

/// The audit row of an action that succeeded, to be written in the transaction of its change.
pub(crate) fn done(caller: &Caller, action: Action, branch: Option<Slug>, target: Option<String>, at: OffsetDateTime) -> AuditEntry {
    entry(caller, action, branch, target, "ok".to_owned(), at, 0)
}

/// The audit row of an action by its result.
pub(crate) fn outcome<T>(result: &Result<T, Failure>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(failure) => failure.code().to_owned(),
    }
}

pub(crate) fn entry(
    caller: &Caller,
    action: Action,
    branch: Option<Slug>,
    target: Option<String>,
    outcome: String,
    at: OffsetDateTime,
    duration_us: u64,
) -> AuditEntry {
    AuditEntry {
        at,
        request_id: caller.request_id.to_string(),
        principal_kind: caller.principal.kind.name(),
        principal_id: caller.principal.id(),
        user_id: caller.principal.user_id.map(|user| user.as_uuid()),
        door: caller.door.name(),
        action,
        branch,
        target: target.map(bounded),
        outcome,
        duration_us,
    }
}

/// What a caller takes for a table's name may be as long as a message may be.
fn bounded(target: String) -> String {
    const LONGEST: usize = 300;
    if target.len() <= LONGEST { target } else { format!("{}...", &target[..target.floor_char_boundary(LONGEST)]) }
}

/// A line of a branch's history.
pub(crate) fn activity(branch_id: BranchId, actor: String, action: &str, detail: Option<String>, at: OffsetDateTime) -> ActivityEntry {
    ActivityEntry { branch_id, at, actor, action: action.to_owned(), detail }
}

/// Who acts, as histories write it.
pub(crate) fn actor(caller: &Caller) -> String {
    match (caller.principal.user_id, caller.principal.kind) {
        (Some(user), _) => format!("user:{user}"),
        (None, PrincipalKind::ApiKey(key) | PrincipalKind::ServiceKey(key)) => format!("key:{key}"),
        (None, _) => FLUXBASE.to_owned(),
    }
}

/// Fluxbase itself, as histories write it.
pub(crate) const FLUXBASE: &str = "fluxbase";

/// A moment as histories write it.
pub(crate) fn moment(at: OffsetDateTime) -> String {
    at.format(&time::format_description::well_known::Rfc3339).unwrap_or_else(|_| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::bounded;

    #[test]
    fn a_target_is_no_longer_than_anything_that_there_is() {
        assert_eq!(bounded("public.tasks".to_owned()), "public.tasks");
        let long = bounded("ä".repeat(5_000_000));
        assert!(long.len() <= 303 && long.capacity() < 1000 && long.ends_with("ä..."), "{long}");
    }
}
