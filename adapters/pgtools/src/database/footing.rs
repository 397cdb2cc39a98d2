//! Whether the unit of work in whose name something is done still holds what it has locked: its transaction is under way, on this server. Whoever was frozen finds
//! it ended.

use crate::error::{from_sql, sql_state};
use ports::driven::{BuildError, Footing};

/// What a statement fails with where it is not.
const LOST: &str = "FBXFT";

/// A condition: it is.
pub(crate) fn holds(Footing(transaction): Footing) -> String {
    match transaction {
        0 => "true".to_owned(),
        transaction => format!("pg_xact_status('{transaction}') is not distinct from 'in progress'"),
    }
}

/// A statement that fails where it is not. It goes behind what it guards, within one transaction: whoever comes to hold the lock waits for the rows that were
/// changed before this looked, and so comes after.
pub(crate) fn expect(footing: Footing) -> String {
    format!(
        "do $footing$ begin if not ({}) then raise exception 'what was locked has been lost meanwhile' using errcode = '{LOST}'; end if; end $footing$",
        holds(footing)
    )
}

/// Reads an error of what is guarded so.
pub(crate) fn failed(what: &str, error: sqlx::Error) -> BuildError {
    if sql_state(&error).as_deref() == Some(LOST) { BuildError::Stopped } else { from_sql(what, error) }
}
