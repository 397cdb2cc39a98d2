//! Why the server did not start, or did not end well: one clear message each.

use domain::{BoxError, Failure};
use std::error::Error;

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// A setting will not do.
    #[error("{0}")]
    Setting(String),
    /// The address cannot be listened on.
    #[error("{0}")]
    Listen(String),
    /// The embedded PostgreSQL.
    #[error("{0}")]
    Embedded(String),
    /// The database that is to be served.
    #[error("{0}")]
    Database(String),
    /// A file.
    #[error("cannot write {path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Anything else.
    #[error("{what}: {}", told(&**source))]
    Other {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: BoxError,
    },
}

impl ServeError {
    pub(super) fn database(error: impl Error) -> Self {
        Self::Database(told(&error))
    }
}

impl From<Failure> for ServeError {
    fn from(failure: Failure) -> Self {
        Self::Other { what: "could not prepare the server", source: failure.into() }
    }
}

/// An error with its causes, for the person who starts the server; each is told once, since some tell their causes themselves.
pub(super) fn told(error: &dyn Error) -> String {
    let mut text = without_place(&error.to_string()).to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(without_place(&next)) {
            text = format!("{text}: {}", without_place(&next));
        }
        cause = error.source();
    }
    text
}

/// The driver adds where in PostgreSQL's own source an error was raised (`at line 334`), which is no line of anything that the reader has.
fn without_place(text: &str) -> &str {
    match text.rsplit_once(" at line ") {
        Some((message, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => message,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{ServeError, told};
    use domain::Failure;
    use std::io;

    #[derive(Debug, thiserror::Error)]
    #[error("the database refused: {0} at line 12")]
    struct Telling(#[source] io::Error);

    #[test]
    fn causes_are_told_once_and_without_lines_of_somebody_elses_source() {
        assert_eq!(told(&Telling(io::Error::other("no space"))), "the database refused: no space");
        let failure = Failure::internal(Telling(io::Error::other("no space")));
        assert_eq!(ServeError::from(failure).to_string(), "could not prepare the server: internal error: the database refused: no space");
        assert_eq!(told(&io::Error::other("see at line x")), "see at line x");
    }
}
