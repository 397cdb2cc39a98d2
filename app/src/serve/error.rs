//! Why the server did not start, or did not end well: one clear message each.

use domain::{BoxError, Failure};

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
    #[error("{what}: {source}")]
    Other {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: BoxError,
    },
}

impl ServeError {
    pub(super) fn database(error: impl std::fmt::Display) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<Failure> for ServeError {
    fn from(failure: Failure) -> Self {
        Self::Other { what: "could not prepare the server", source: failure.into() }
    }
}
