//! Why something was not done: one closed set, agnostic of transport.

use crate::{BoxError, access::Denied};
use std::{borrow::Cow, time::Duration};

/// Why a use case did not do what was asked. Transports map the variant, never the text.
///
/// Display is public text: it never carries an internal cause.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No credential, or one that is not good (401).
    #[error("{reason}")]
    Unauthenticated {
        /// What is wrong with the credential; never whether a secret was nearly right.
        reason: &'static str,
    },
    /// The credential does not reach that far (403).
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such thing, or not for this caller (404).
    #[error("{what} '{}' was not found", shown(.name, 200))]
    NotFound {
        /// Kind of thing, for people: `branch`, `table`, `user`.
        what: &'static str,
        /// The name as it was asked for.
        name: String,
    },
    /// The request itself cannot be understood or contradicts itself (400).
    #[error("{}", shown(.reason, 2000))]
    BadRequest {
        /// Stable code.
        code: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// Values that are understood and refused, each with its place (422).
    #[error("{}", summary(.0))]
    Invalid(Vec<Fault>),
    /// An embed that more than one foreign key could mean (300).
    #[error("more than one relationship between '{origin}' and '{target}': name one, for example '{target}!{}'", .candidates.first().map_or("", |c| c.hint.as_str()))]
    Ambiguous {
        /// The table embedded into.
        origin: String,
        /// The relation asked for.
        target: String,
        /// What could be meant.
        candidates: Vec<Candidate>,
    },
    /// A request for exactly one row met another number of rows; a write was rolled back (406).
    #[error("expected exactly one row, found {}", if *.rows == 0 { "none" } else { "several" })]
    NotSingular {
        /// Rows found; 2 may stand for more.
        rows: u64,
    },
    /// The first row asked for lies past the end (416).
    #[error("an offset of {offset} was asked for, but there are only {total} rows")]
    RangeNotSatisfiable {
        /// First row asked for.
        offset: u64,
        /// Rows there are.
        total: u64,
    },
    /// It contradicts the present state (409).
    #[error("{reason}")]
    Conflict {
        /// Stable code.
        code: &'static str,
        /// What stands in the way, and the way out.
        reason: String,
    },
    /// A configured limit is reached; nothing was changed (409).
    #[error("{limit} is reached: at most {max}")]
    LimitReached {
        /// Stable code.
        code: &'static str,
        /// The configuration key of the limit.
        limit: &'static str,
        /// Its value.
        max: u64,
    },
    /// A write would have touched more rows than the caller allowed; it was rolled back (400).
    #[error("the request would affect {affected} rows, more than max_affected = {max}; nothing was changed")]
    TooManyAffected {
        /// Rows it would have touched.
        affected: u64,
        /// What the caller allowed.
        max: u64,
    },
    /// The request, or what it asks for, is too large (413).
    #[error("{what} exceeds {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Too many requests in this minute (429).
    #[error("rate limit of {per_minute} requests a minute exceeded")]
    RateLimited {
        /// The limit.
        per_minute: u32,
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Too many attempts at what asks for no credential, from one place (429).
    #[error("{reason}")]
    TooManyAttempts {
        /// At what.
        reason: &'static str,
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// PostgreSQL refused the statement.
    #[error(transparent)]
    Database(Box<SqlFailure>),
    /// The statement ran into its time limit and was ended (504).
    #[error("the statement took longer than {} ms and was cancelled", .limit.as_millis())]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// Not now; it is worth trying again (503).
    #[error("{reason}")]
    Unavailable {
        /// What is not there, for people.
        reason: String,
        /// When it is worth trying again; `None` where it may have been done, and asking again would do it twice.
        retry_after: Option<Duration>,
        /// The cause, logged and never sent.
        #[source]
        source: Option<BoxError>,
    },
    /// Our fault (500). The cause is logged, never sent.
    #[error("internal error")]
    Internal(#[source] BoxError),
}

impl Failure {
    /// Wraps a cause that callers must not see.
    pub fn internal(cause: impl Into<BoxError>) -> Self {
        Self::Internal(cause.into())
    }

    /// A request that cannot be understood.
    pub fn bad_request(code: &'static str, reason: impl Into<String>) -> Self {
        Self::BadRequest { code, reason: reason.into() }
    }

    /// A thing that is not there.
    pub fn not_found(what: &'static str, name: impl Into<String>) -> Self {
        Self::NotFound { what, name: name.into() }
    }

    /// Something not there now, worth trying again in a second.
    pub fn unavailable(reason: impl Into<String>, source: Option<BoxError>) -> Self {
        Self::Unavailable { reason: reason.into(), retry_after: Some(Duration::from_secs(1)), source }
    }

    /// What went away under way: it may have been done, so it is not worth trying again unseen.
    pub fn in_doubt(reason: impl Into<String>, source: Option<BoxError>) -> Self {
        Self::Unavailable { reason: reason.into(), retry_after: None, source }
    }

    /// The same of something that only read: there is nothing that it may have done.
    #[must_use]
    pub fn of_reading(mut self) -> Self {
        if let Self::Unavailable { retry_after, .. } = &mut self {
            retry_after.get_or_insert(Duration::from_secs(1));
        }
        self
    }

    /// The same of what may have been done, with the way to see whether it was.
    #[must_use]
    pub fn to_be_seen(mut self, way: &str) -> Self {
        if let Self::Unavailable { reason, retry_after: None, .. } = &mut self {
            *reason = format!("{reason}: {way}");
        }
        self
    }

    /// The stable code of a problem document (`code` member) and of audit rows. PostgreSQL's own refusals carry their SQLSTATE.
    pub fn code(&self) -> &str {
        match self {
            Self::Unauthenticated { .. } => "unauthenticated",
            Self::Denied(denied) => denied.code(),
            Self::NotFound { .. } => "not_found",
            Self::BadRequest { code, .. } | Self::Conflict { code, .. } | Self::LimitReached { code, .. } => code,
            Self::Invalid(_) => "invalid",
            Self::Ambiguous { .. } => "ambiguous_relationship",
            Self::NotSingular { .. } => "not_singular",
            Self::RangeNotSatisfiable { .. } => "range_not_satisfiable",
            Self::TooManyAffected { .. } => "max_affected_exceeded",
            Self::TooLarge { .. } => "too_large",
            Self::RateLimited { .. } | Self::TooManyAttempts { .. } => "rate_limited",
            Self::Database(sql) => &sql.sqlstate,
            Self::TimedOut { .. } => "timeout",
            Self::Unavailable { .. } => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    /// A sentence that says what to do next, where there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Database(sql) => sql.hint.as_deref(),
            _ => None,
        }
    }
}

/// One fault of a request: where, what, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fault {
    /// JSON pointer (RFC 6901) into the request: `/filter/age`, or the name of the query parameter: `/age`.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Fault {
    /// A fault at a place. Of names and values that a request quotes, only the beginning is repeated.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let bounded = |text: String, longest| if text.len() <= longest { text } else { shown(&text, longest).into_owned() };
        Self { pointer: bounded(pointer.into(), 500), message: bounded(message.into(), 2000) }
    }

    /// Faults as a caller is told of them: no more than can be read, the last of them saying how many there are besides.
    pub fn told(mut faults: Vec<Self>) -> Vec<Self> {
        const TOLD: usize = 50;
        let more = faults.len().saturating_sub(TOLD);
        if more > 0 {
            faults.truncate(TOLD);
            faults.push(Self::new("", format!("and {more} more faults")));
        }
        faults
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Invalid(vec![fault])
    }
}

fn summary(faults: &[Fault]) -> String {
    const NAMED: usize = 20;
    let named = faults.iter().take(NAMED).map(|fault| match fault.pointer.as_str() {
        // The whole of what was sent.
        "" => fault.message.clone(),
        pointer => format!("{pointer}: {}", fault.message),
    });
    let more = faults.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!("and {more} more faults"));
    named.chain(more).collect::<Vec<_>>().join("; ")
}

/// The beginning of a text that somebody sent.
pub(crate) fn shown(text: &str, longest: usize) -> Cow<'_, str> {
    if text.len() <= longest { Cow::Borrowed(text) } else { Cow::Owned(format!("{}...", &text[..text.floor_char_boundary(longest)])) }
}

/// A relationship that an ambiguous embed could mean.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Candidate {
    /// `many-to-one`, `one-to-many`, `one-to-one`, `many-to-many`.
    pub cardinality: &'static str,
    /// The foreign key, as `table(columns)` on both sides.
    pub relationship: String,
    /// What to write behind `!` to mean this one.
    pub hint: String,
}

/// A refusal of PostgreSQL, as it may be shown: fields of the error message that say nothing about other users' rows are kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlFailure {
    /// Five characters; <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    pub sqlstate: String,
    /// Primary message.
    pub message: String,
    /// Detail, where there is one.
    pub detail: Option<String>,
    /// Hint, where there is one.
    pub hint: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::{Failure, Fault};

    #[test]
    fn a_fault_of_the_whole_is_told_without_a_place() {
        let faults = vec![Fault::new("", "expected an object"), Fault::new("/a", "is required")];
        assert_eq!(Failure::Invalid(faults).to_string(), "expected an object; /a: is required");
    }

    #[test]
    fn what_was_sent_is_not_sent_back_whole() {
        let long = "ä".repeat(500_000);
        assert!(Failure::NotFound { what: "table", name: long.clone() }.to_string().len() < 300);
        let faults = vec![Fault::new(format!("/{long}"), format!("unknown '{long}'")); 1000];
        assert!(Failure::Invalid(faults.clone()).to_string().len() < 60_000);
        let told = Fault::told(faults);
        assert_eq!((told.len(), told[50].message.as_str()), (51, "and 950 more faults"));
        assert_eq!(Fault::told(told[..2].to_vec()).len(), 2);
    }
}
