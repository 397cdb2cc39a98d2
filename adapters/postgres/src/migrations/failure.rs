//! What PostgreSQL's refusals mean for a file, with the line that they are about.

use super::execute::Statement;
use domain::{
    branch::DatabaseName,
    migration::{SplitFault, SplitProblem},
};
use ports::driven::{FileFailure, MigrationError};
use sqlx::postgres::{PgDatabaseError, PgErrorPosition};
use std::fmt::Write;

/// The way out for what does not run in a transaction.
pub(super) const MARK_THE_FILE: &str = ": mark the file -- fluxbase:no-transaction";
/// The way out for what a transaction takes before any query alone.
pub(super) const HAS_BEGUN: &str = ": each file runs in a transaction of its own, which has begun by then. Take it out";
/// The other one.
pub(super) const OR_BEGIN_ANOTHER: &str = ", or mark the file -- fluxbase:no-transaction and put it right behind a BEGIN there";

pub(super) fn refused(code: &'static str, message: impl Into<String>) -> MigrationError {
    MigrationError::Refused { code, message: message.into() }
}

/// A connection that did not come about.
pub(super) fn unreachable(database: &DatabaseName, error: sqlx::Error) -> MigrationError {
    match sqlstate(&error).as_deref() {
        Some("3D000") => refused("database_missing", format!("database '{database}' is gone")),
        Some("42501") => refused("database_closed", format!("database '{database}' does not let the login of migrations in: {error}")),
        _ => MigrationError::Retryable { message: format!("database '{database}' cannot be worked on now"), source: Some(error.into()) },
    }
}

/// What went wrong with our own statements.
pub(super) fn from_sql(doing: &str, error: sqlx::Error) -> MigrationError {
    let passing = match sqlstate(&error).as_deref() {
        None => true,
        Some(state) => passes(state),
    };
    if passing {
        return MigrationError::Retryable { message: format!("{doing} did not work out"), source: Some(error.into()) };
    }
    refused("migration_unexpected", format!("{doing} failed: {error}"))
}

/// Whether it gets better by itself: the connection, a server that ends or is full, a lock, a server that a failover has made a standby.
fn passes(sqlstate: &str) -> bool {
    sqlstate.starts_with("08") || matches!(sqlstate, "57P01" | "57P02" | "57P03" | "40001" | "40P01" | "53300" | "55P03" | "25006")
}

pub(super) fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(std::borrow::Cow::into_owned)
}

/// Whether it is worth beginning again: somebody else had the lock, or two waited for each other.
pub(super) fn gives_way(error: &sqlx::Error) -> bool {
    matches!(sqlstate(error).as_deref(), Some("55P03" | "40P01" | "40001"))
}

/// Whether the statement does not run in a transaction.
pub(super) fn wants_no_transaction(error: &sqlx::Error) -> bool {
    let refusal = error.as_database_error().and_then(|refusal| refusal.try_downcast_ref::<PgDatabaseError>());
    refusal.is_some_and(bars_transaction)
}

/// By who says it, since what is said is in any language: of the others that say 25001, SET TRANSACTION is one that wants no other transaction, but no query
/// before it.
fn bars_transaction(refusal: &PgDatabaseError) -> bool {
    refusal.code() == "2D000" || (refusal.code() == "25001" && refusal.routine() == Some("PreventInTransactionBlock"))
}

/// Why a file cannot be taken apart into statements.
pub(super) fn unreadable(file: &str, fault: &SplitFault) -> FileFailure {
    let code = if fault.problem == SplitProblem::PsqlCommand { "psql_command" } else { "unreadable" };
    let message = fault.to_string();
    let message = message.split_once(": ").map_or(message.clone(), |(_, what)| what.to_owned());
    FileFailure { code, file: file.to_owned(), line: Some(fault.line), statement: None, sqlstate: None, message }
}

/// A line of a file that cannot be read.
pub(super) fn unreadable_at(file: &str, line: u32, message: String) -> FileFailure {
    FileFailure { code: "unreadable", file: file.to_owned(), line: Some(line), statement: None, sqlstate: None, message }
}

/// Why a statement failed, or the error itself where the connection did.
pub(super) fn of_statement(file: &str, statement: &Statement<'_>, error: sqlx::Error) -> Result<FileFailure, sqlx::Error> {
    let (code, sqlstate, message, line) = match &error {
        sqlx::Error::Database(refusal) => {
            let refusal = refusal.downcast_ref::<PgDatabaseError>();
            // The server ends: the file is not to blame.
            if matches!(refusal.code(), "57P01" | "57P02" | "57P03") {
                return Err(error);
            }
            (code(refusal), Some(refusal.code().to_owned()), message(refusal), line(statement, refusal))
        }
        sqlx::Error::Protocol(_) => {
            let message = "this statement wants rows from the client, or gives it a stream of them; of COPY, only COPY .. FROM stdin works here";
            ("statement_failed", None, message.to_owned(), statement.line())
        }
        _ => return Err(error),
    };
    Ok(FileFailure { code, file: file.to_owned(), line: Some(line), statement: Some(statement.excerpt()), sqlstate, message })
}

fn code(refusal: &PgDatabaseError) -> &'static str {
    match refusal.code() {
        "55P03" | "40P01" => "lock_timeout",
        _ if bars_transaction(refusal) => "needs_no_transaction",
        "42501" => "not_allowed",
        _ => "statement_failed",
    }
}

/// PostgreSQL's words, and ours where there is a way out. Details of refused rows hold what is in them, and are left out.
fn message(refusal: &PgDatabaseError) -> String {
    let mut message = refusal.message().to_owned();
    let about_rows = refusal.code().starts_with("23");
    if let Some(detail) = refusal.detail().filter(|_| !about_rows) {
        let _ = write!(message, ". {detail}");
    }
    if let Some(hint) = refusal.hint() {
        let _ = write!(message, " ({hint})");
    }
    if refusal.code() == "25001" && !bars_transaction(refusal) {
        let _ = write!(message, "{HAS_BEGUN}{OR_BEGIN_ANOTHER}");
    }
    message.push_str(match refusal.code() {
        "55P03" => ". Others hold the lock, and the file gave way each time: try again when they are done",
        _ if bars_transaction(refusal) => MARK_THE_FILE,
        "42501" => {
            ". Migrations and seeds run as the owner of the branch's objects, which is no superuser and reaches no files, programs or other roles"
        }
        _ => "",
    });
    message
}

/// From the place in the statement; of COPY, from the row that the context names.
fn line(statement: &Statement<'_>, refusal: &PgDatabaseError) -> u32 {
    if let Some(PgErrorPosition::Original(position)) = refusal.position() {
        let before = statement.piece.body.chars().take(position.saturating_sub(1)).filter(|c| *c == '\n').count();
        return statement.line() + u32::try_from(before).unwrap_or_default();
    }
    let row = refusal.r#where().filter(|_| statement.rows.is_some()).and_then(row_of_copy);
    match (row, &statement.rows) {
        (Some(row), Some(rows)) => rows.line + row.saturating_sub(1),
        _ => statement.line(),
    }
}

/// `COPY tasks, line 3, column id: "x"`.
pub(super) fn row_of_copy(context: &str) -> Option<u32> {
    let rest = context.strip_prefix("COPY ")?;
    let (_, rest) = rest.split_once(", line ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{passes, row_of_copy};

    #[test]
    fn what_a_failover_does_gets_better_and_what_a_statement_does_does_not() {
        assert!(["08006", "57P01", "25006"].into_iter().all(passes));
        assert!(!["42P01", "42501", "23505", "25001"].into_iter().any(passes));
    }

    #[test]
    fn the_row_of_a_copy_is_read_from_its_context() {
        assert_eq!(row_of_copy("COPY tasks, line 3, column id: \"x, line 9\""), Some(3));
        assert_eq!(row_of_copy("COPY tasks, line 12"), Some(12));
        assert_eq!(row_of_copy("PL/pgSQL function f() line 3 at RAISE"), None);
    }
}
