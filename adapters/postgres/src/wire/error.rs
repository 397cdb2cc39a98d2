//! Why an exchange with PostgreSQL did not come to its end.

use std::io;

use super::sql_error::SqlError;

/// Why an exchange with PostgreSQL did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The server refused a statement; what the exchange did is undone.
    #[error("{0}")]
    Sql(#[source] Box<SqlError>),
    /// The server refused the connection (wrong password, no such database, too many connections).
    #[error("the database server refused the connection: {0}")]
    Refused(#[source] Box<SqlError>),
    /// No connection could be made.
    #[error("cannot connect to the database server")]
    Connect(#[source] io::Error),
    /// The server does not offer TLS, or its certificate is not trusted.
    #[error("no trusted TLS connection to the database server: {reason}")]
    Tls {
        /// What is wrong.
        reason: &'static str,
        /// What the TLS library said, where it said something.
        #[source]
        cause: Option<io::Error>,
    },
    /// The two sides could not agree who they are.
    #[error("cannot authenticate with the database server: {0}")]
    Authentication(&'static str),
    /// The connection broke while it was in use; whether a write was done is not known.
    #[error("the connection to the database server was lost")]
    Lost(#[source] io::Error),
    /// The server sent something that was not its turn to send.
    #[error("the database server broke the protocol: {0}")]
    Protocol(&'static str),
    /// A statement that cannot be sent at all (a NUL byte in its text, too many parameters).
    #[error("the statement cannot be sent: {0}")]
    Unsendable(&'static str),
    /// No connection came free in time.
    #[error("no database connection came free in time")]
    PoolTimeout,
    /// The pool was closed.
    #[error("the database connection pool is closed")]
    PoolClosed,
}

impl WireError {
    /// What the server said, where it was the server who refused.
    pub fn sql(&self) -> Option<&SqlError> {
        match self {
            Self::Sql(error) | Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}
