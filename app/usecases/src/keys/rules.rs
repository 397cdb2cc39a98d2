//! What holds for every key that is made.

use domain::{Denied, Failure, Fault, Principal, Scopes, table::QualifiedName};

/// A key's name: 1 to 100 characters, none of them a control character.
pub(super) fn check_name(name: &str) -> Result<(), Failure> {
    let length = name.trim().chars().count();
    if length == 0 || length > 100 || name.chars().any(char::is_control) {
        return Err(Fault::new("/name", "must have 1 to 100 characters and no control characters").into());
    }
    Ok(())
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

/// Nobody hands out more than it has: neither scopes, nor freedom from what narrows its own key.
pub(super) fn check_reach(maker: &Principal, scopes: Scopes) -> Result<(), Failure> {
    let narrowed = maker.restrictions.branch.is_some() || maker.restrictions.tables.is_some();
    if narrowed || !maker.scopes.covers(scopes) {
        return Err(Denied::ScopeInflation.into());
    }
    Ok(())
}
