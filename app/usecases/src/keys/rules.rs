//! What holds for every key that is made.

use domain::{Denied, Failure, Fault, Principal, Scopes, UserId, access::PrincipalKind, table::QualifiedName, unseen::Unseen};
use time::OffsetDateTime;

/// A key's name: 1 to 100 characters, all of them to be seen.
pub(super) fn check_name(name: &str) -> Result<(), Failure> {
    let length = name.trim().chars().count();
    if length == 0 || length > 100 {
        return Err(Fault::new("/name", "must have 1 to 100 characters").into());
    }
    match Unseen::first_of(name) {
        Some(unseen) => Err(Fault::new("/name", format!("must have characters that people see, and not {unseen}")).into()),
        None => Ok(()),
    }
}

/// A limit of nothing would be a key that cannot be used.
pub(super) fn check_rate_limit(limit: Option<u32>) -> Result<(), Failure> {
    if limit == Some(0) {
        return Err(Fault::new("/rate_limit", "must be at least 1 request a minute; leave it out for no limit").into());
    }
    Ok(())
}

/// Tables of a list need not be there yet, but could be: PostgreSQL keeps no name of another form.
pub(super) fn check_tables(tables: &[QualifiedName]) -> Result<(), Failure> {
    let possible = |part: &str| !part.is_empty() && !part.contains('\0');
    match tables.iter().position(|table| !possible(&table.schema) || !possible(&table.name)) {
        None => Ok(()),
        Some(place) => Err(Fault::new(format!("/tables/{place}"), "is no name of a table; expected table or schema.table").into()),
    }
}

/// What of a key that is to be made can be more than its maker has.
pub(super) struct Reach {
    pub(super) scopes: Scopes,
    pub(super) expires_at: Option<OffsetDateTime>,
    pub(super) rate_limit: Option<u32>,
}

/// Refuses a key that would reach further than its maker: more scopes, a later end, a higher limit. A maker that is held to a branch or to tables makes none.
///
/// That a session's token ends soon does not bound the keys made in it: the user can sign in again.
pub(super) fn check_reach(maker: &Principal, reach: &Reach) -> Result<(), Failure> {
    let key_ends = maker.expires_at.filter(|_| maker.kind != PrincipalKind::Token);
    let outlives = key_ends.is_some_and(|end| reach.expires_at.is_none_or(|at| at > end));
    let outruns = maker.restrictions.rate_limit.is_some_and(|own| reach.rate_limit.is_none_or(|limit| limit > own));
    if maker.is_held_to_a_part() || outlives || outruns || !maker.scopes.covers(reach.scopes) {
        return Err(Denied::ScopeInflation.into());
    }
    Ok(())
}

/// A key of a user acts for nobody else, whatever its scopes: row level security holds for it, and so it does for the keys that it makes.
pub(super) fn check_user(maker: &Principal, user: Option<UserId>) -> Result<(), Failure> {
    let is_key = matches!(maker.kind, PrincipalKind::ApiKey(_));
    if is_key && user.is_some() && user != maker.user_id {
        return Err(Denied::ScopeInflation.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Reach, check_name, check_reach, check_user};
    use domain::{
        Principal, Scope, Scopes, UserId,
        access::{KeyId, PrincipalKind, Restrictions},
    };
    use time::{Duration, OffsetDateTime};
    use uuid::Uuid;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn key() -> Principal {
        Principal { kind: PrincipalKind::ApiKey(KeyId::from_uuid(Uuid::nil())), ..Principal::internal() }
    }

    #[test]
    fn a_name_is_what_people_see() {
        assert!(check_name("nightly report – Größe").is_ok());
        for (name, reason) in [(" ", "1 to 100"), ("re\u{202e}port", "U+202E"), ("report\u{200b}", "U+200B"), ("re\nport", "U+000A")] {
            let refused = format!("{:?}", check_name(name).unwrap_err());
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn no_key_makes_one_that_outlives_or_outruns_it() {
        let reach = |expires_at, rate_limit| Reach { scopes: Scopes::NONE.with(Scope::ReadTables), expires_at, rate_limit };
        let ends = Principal { expires_at: Some(NOW + Duration::HOUR), ..key() };
        for (expires_at, allowed) in [(None, false), (Some(NOW + Duration::DAY), false), (Some(NOW + Duration::HOUR), true)] {
            assert_eq!(check_reach(&ends, &reach(expires_at, None)).is_ok(), allowed, "{expires_at:?}");
        }
        let session = Principal { kind: PrincipalKind::Token, ..ends };
        assert!(check_reach(&session, &reach(None, None)).is_ok(), "sessions end by themselves");
        let slow = Principal { restrictions: Restrictions { rate_limit: Some(5), ..Restrictions::default() }, ..key() };
        for (limit, allowed) in [(None, false), (Some(6), false), (Some(5), true)] {
            assert_eq!(check_reach(&slow, &reach(None, limit)).is_ok(), allowed, "{limit:?}");
        }
    }

    #[test]
    fn no_key_of_a_user_makes_one_of_another() {
        let (alice, bob) = (UserId::from_uuid(Uuid::from_u128(1)), UserId::from_uuid(Uuid::from_u128(2)));
        let of = |user_id| Principal { user_id, ..key() };
        assert!(check_user(&of(Some(alice)), Some(alice)).is_ok());
        assert!(check_user(&of(Some(alice)), Some(bob)).is_err());
        assert!(check_user(&of(None), Some(alice)).is_err());
        let service = Principal { kind: PrincipalKind::ServiceKey(KeyId::from_uuid(Uuid::nil())), ..of(None) };
        assert!(check_user(&service, Some(alice)).is_ok());
    }
}
