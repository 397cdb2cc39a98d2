//! What the metadata database's refusals mean. Names of constraints are part of the interface.

use domain::BoxError;
use ports::driven::StoreError;
use std::fmt::Display;

/// Reads an error of the driver.
pub(super) fn store(error: sqlx::Error) -> StoreError {
    let sqlx::Error::Database(refusal) = &error else {
        return match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                StoreError::Unavailable(error.into())
            }
            _ => StoreError::Unexpected(error.into()),
        };
    };
    match refusal.constraint() {
        Some("branches_live_slug") => StoreError::Taken { what: "branch slug" },
        Some("branches_pkey" | "branches_short_id") => StoreError::Taken { what: "branch id" },
        Some("operations_pkey") => StoreError::Taken { what: "operation id" },
        Some("keys_pkey" | "keys_prefix") => StoreError::Taken { what: "key" },
        _ if refusal.code().as_deref() == Some("55P03") => StoreError::Held,
        _ if refusal.code().is_some_and(|sqlstate| is_unstorable(&sqlstate)) => StoreError::Unstorable,
        _ if refusal.code().is_some_and(|sqlstate| passes(&sqlstate)) => StoreError::Unavailable(error.into()),
        _ => StoreError::Unexpected(error.into()),
    }
}

/// Reads an error of COMMIT. Where PostgreSQL gave no answer, or one on its way out, it may have committed all the same.
pub(super) fn commit(error: sqlx::Error) -> StoreError {
    let gone = |sqlstate: &str| sqlstate.starts_with("08") || sqlstate.starts_with("57P");
    let refused = error.as_database_error().is_some_and(|refusal| !refusal.code().is_some_and(|sqlstate| gone(&sqlstate)));
    if refused { store(error) } else { StoreError::InDoubt(error.into()) }
}

/// Whether a refusal passes without anybody asking otherwise: connection trouble, shutdown, fail-over to a server that is still read-only, deadlock, too
/// many connections, a full disk and what else runs out (class 53), a full queue of notifications (54000: no statement of ours comes to another limit).
fn passes(sqlstate: &str) -> bool {
    sqlstate.starts_with("08")
        || sqlstate.starts_with("53")
        || matches!(sqlstate, "57P01" | "57P02" | "57P03" | "25006" | "40001" | "40P01" | "54000")
}

/// `untranslatable_character` and `character_not_in_repertoire`: only callers bring characters along that are not ASCII.
fn is_unstorable(sqlstate: &str) -> bool {
    matches!(sqlstate, "22P05" | "22021")
}

/// A row that cannot be read back.
pub(super) fn corrupt(table: &'static str, row: impl Display, source: impl Into<BoxError>) -> StoreError {
    StoreError::Corrupt { table, row: row.to_string(), source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::{passes, store};
    use ports::driven::StoreError;

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        assert!(matches!(store(sqlx::Error::PoolTimedOut), StoreError::Unavailable(_)));
        assert!(matches!(store(sqlx::Error::RowNotFound), StoreError::Unexpected(_)));
        assert!(passes("08006") && passes("57P01") && passes("53100") && !passes("42P01"));
        assert!(passes("53200") && passes("54000"), "another branch's login can take all locks, or fill the queue of notifications");
    }
}
