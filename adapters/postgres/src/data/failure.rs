//! What callers are told when PostgreSQL or the way to it fails.

use std::time::{Duration, Instant};

use domain::{Failure, SqlFailure};

use super::sql::{Doubt, Refusal};
use crate::wire::{SqlError, WireError};

/// What a statement's failure is judged by: when it was sent and how long it might take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    started: Instant,
    limit: Duration,
}

impl Deadline {
    pub(super) fn new(limit: Duration) -> Self {
        Self { started: Instant::now(), limit }
    }

    /// When the time is up.
    pub(super) fn end(self) -> tokio::time::Instant {
        (self.started + self.limit).into()
    }

    /// The refusal of what took longer.
    pub(super) fn passed(self) -> Failure {
        Failure::TimedOut { limit: self.limit }
    }

    /// What callers are told.
    pub(super) fn failure(self, error: WireError) -> Failure {
        match error {
            WireError::Sql(sql) if is_away(&sql.sqlstate) => {
                Failure::unavailable("the database is not available", Some(Box::new(WireError::Sql(sql))))
            }
            WireError::Sql(sql) if sql.sqlstate == "57014" && self.has_passed() => self.passed(),
            WireError::Sql(sql) => Failure::Database(Box::new(shown(*sql))),
            WireError::Refused(_) | WireError::Connect(_) | WireError::Tls { .. } | WireError::Authentication(_) => {
                Failure::unavailable("the database cannot be reached", Some(Box::new(error)))
            }
            WireError::Lost(_) => {
                Failure::in_doubt("the connection to the database was lost; whether a write was done is not known", Some(Box::new(error)))
            }
            WireError::PoolTimeout => Failure::unavailable("no database connection came free in time", Some(Box::new(error))),
            WireError::PoolClosed => Failure::unavailable("the database is being replaced", Some(Box::new(error))),
            // Only what a request asks for makes a statement that large.
            WireError::Unsendable(reason) => {
                Failure::bad_request("statement_too_large", format!("this comes to a statement that cannot be sent: {reason}"))
            }
            WireError::Protocol(_) => Failure::internal(error),
        }
    }

    /// The same, with what it says about the catalogue.
    pub(super) fn refusal(self, error: WireError) -> Refusal {
        let doubt = match error.sql().map(|sql| sql.sqlstate.as_str()) {
            // Undefined table or column, though the catalogue had it.
            Some("42P01" | "42703") => Doubt::NameUnknown,
            // Undefined operator, wrong type, value that the type does not take: mostly the caller's own mistake.
            Some("42883" | "42804" | "22P02" | "22003") => Doubt::TypeMistaken,
            _ => Doubt::None,
        };
        Refusal { failure: self.failure(error), doubt }
    }

    /// The server's clock is not ours: a little less counts as passed.
    fn has_passed(self) -> bool {
        self.started.elapsed() >= self.limit.mul_f32(0.9)
    }
}

/// Shutting down, starting up, out of connections or of what all sessions share, database dropped.
fn is_away(sqlstate: &str) -> bool {
    sqlstate.starts_with("08") || matches!(sqlstate, "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "53200" | "53300" | "3D000")
}

/// A refusal without what it might tell of other people's rows: the detail of a failed check shows the whole row, that of an exclusion the row in the
/// way. A broken unique or foreign key shows the caller's own values only, and PostgreSQL hides even these where the role may not read them.
fn shown(error: SqlError) -> SqlFailure {
    let shows_a_row = matches!(error.sqlstate.as_str(), "23502" | "23514" | "23P01" | "44000");
    // Whoever runs the server is told which of its settings to raise, and what they are.
    let is_for_operators = error.sqlstate.starts_with("53") || error.sqlstate.starts_with("54");
    SqlFailure {
        detail: error.detail.filter(|_| !shows_a_row).map(shortened),
        sqlstate: error.sqlstate,
        message: shortened(error.message),
        hint: error.hint.filter(|_| !is_for_operators).map(shortened),
    }
}

/// PostgreSQL quotes what it was given, all of it.
fn shortened(mut text: String) -> String {
    const LONGEST: usize = 2000;
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(sqlstate: &str) -> WireError {
        WireError::Sql(Box::new(SqlError {
            sqlstate: sqlstate.to_owned(),
            message: "m".to_owned(),
            detail: Some("Failing row contains (1, secret).".to_owned()),
            ..SqlError::default()
        }))
    }

    #[test]
    fn a_detail_that_shows_a_row_is_left_out() {
        let deadline = Deadline::new(Duration::from_mins(1));
        for (sqlstate, kept) in [("23502", false), ("23514", false), ("44000", false), ("23P01", false), ("23505", true), ("P0001", true)] {
            let Failure::Database(failure) = deadline.failure(sql(sqlstate)) else { panic!("{sqlstate}") };
            assert_eq!((failure.sqlstate.as_str(), failure.detail.is_some()), (sqlstate, kept));
        }
    }

    #[test]
    fn how_the_server_is_set_up_is_told_to_nobody() {
        for (sqlstate, kept) in [("54001", false), ("53400", false), ("42703", true)] {
            let error = SqlError { sqlstate: sqlstate.to_owned(), hint: Some("Increase \"max_stack_depth\".".to_owned()), ..SqlError::default() };
            let Failure::Database(failure) = Deadline::new(Duration::from_secs(1)).failure(WireError::Sql(Box::new(error))) else { panic!() };
            assert_eq!(failure.hint.is_some(), kept, "{sqlstate}");
        }
    }

    #[test]
    fn what_quotes_the_caller_is_no_longer_than_can_be_read() {
        let long = SqlError { sqlstate: "22003".to_owned(), message: "ä".repeat(100_000), hint: Some("h".repeat(3000)), ..SqlError::default() };
        let Failure::Database(failure) = Deadline::new(Duration::from_secs(1)).failure(WireError::Sql(Box::new(long))) else { panic!() };
        assert_eq!((failure.message.len(), failure.hint.unwrap().len()), (2003, 2003));
    }

    #[test]
    fn a_cancelled_statement_has_timed_out_only_when_its_time_was_up() {
        assert!(matches!(Deadline::new(Duration::from_mins(1)).failure(sql("57014")), Failure::Database(_)));
        assert!(matches!(Deadline::new(Duration::ZERO).failure(sql("57014")), Failure::TimedOut { .. }));
    }

    #[test]
    fn a_statement_that_cannot_be_sent_is_its_request_s_fault() {
        let failure = Deadline::new(Duration::from_secs(1)).failure(WireError::Unsendable("it has more than 65535 parameters"));
        assert_eq!((failure.code(), matches!(failure, Failure::BadRequest { .. })), ("statement_too_large", true));
    }

    #[test]
    fn a_database_that_is_away_is_worth_another_try() {
        for error in [sql("57P03"), sql("08006"), sql("3D000"), sql("53200"), WireError::PoolTimeout, WireError::Refused(Box::default())] {
            assert!(matches!(Deadline::new(Duration::from_secs(1)).failure(error), Failure::Unavailable { retry_after: Some(_), .. }));
        }
    }

    #[test]
    fn what_was_under_way_when_the_connection_broke_is_not_to_be_tried_again_unseen() {
        let lost = WireError::Lost(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert!(matches!(Deadline::new(Duration::from_secs(1)).failure(lost), Failure::Unavailable { retry_after: None, .. }));
    }
}
