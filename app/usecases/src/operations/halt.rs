//! Why a turn at an operation ended before the operation did.

use domain::{BoxError, Failure, operation::OperationError};
use ports::driven::{BuildError, FileFailure, MigrationError, StoreError};

/// Why a turn ended.
#[derive(Debug)]
pub(super) enum Halt {
    /// Another worker has the operation, or this one is being stopped: what is half done is the next claim's.
    Lost,
    /// Somebody called it off, before its switch.
    Cancelled,
    /// It did not work out this time.
    Again {
        /// For people.
        message: String,
        /// Logged.
        source: Option<BoxError>,
    },
    /// It cannot be done.
    Failed(Box<Failed>),
}

/// An operation that cannot be done, and what it has to tell all the same.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: OperationError,
    pub(super) result: Option<String>,
}

impl Failed {
    /// What a branch says of it: where it happened, where that is a file, and what.
    pub(super) fn told(&self) -> String {
        let OperationError { message, file, line, .. } = &self.error;
        match (file, line) {
            (Some(file), Some(line)) => format!("{file}, line {line}: {message}"),
            (Some(file), None) => format!("{file}: {message}"),
            (None, _) => message.clone(),
        }
    }
}

impl Halt {
    pub(super) fn failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::because(OperationError::new(code, message))
    }

    pub(super) fn because(error: OperationError) -> Self {
        Self::Failed(Box::new(Failed { error, result: None }))
    }
}

/// The error of an operation that a file failed.
pub(super) fn file_error(failure: &FileFailure) -> OperationError {
    OperationError {
        file: Some(failure.file.clone()),
        line: failure.line,
        statement: failure.statement.clone(),
        sqlstate: failure.sqlstate.clone(),
        ..OperationError::new(failure.code, failure.message.clone())
    }
}

impl From<BuildError> for Halt {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Refused { code, message } => Self::failed(code, message),
            BuildError::Retryable { message, source } => Self::Again { message, source },
            BuildError::Stopped => Self::Lost,
        }
    }
}

impl From<MigrationError> for Halt {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::File { failure, .. } => Self::because(file_error(&failure)),
            MigrationError::Refused { code, message } => Self::failed(code, message),
            MigrationError::Retryable { message, source } => Self::Again { message, source },
            MigrationError::Stopped => Self::Lost,
        }
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fenced => Self::Lost,
            other => Self::Again { message: "the metadata database is not available".to_owned(), source: Some(other.into()) },
        }
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable { reason, source, .. } => Self::Again { message: reason, source },
            Failure::Internal(source) => Self::Again { message: "internal error".to_owned(), source: Some(source) },
            refused => Self::failed(refused.code(), refused.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Failed, file_error};
    use domain::operation::OperationError;
    use ports::driven::FileFailure;

    #[test]
    fn a_file_that_failed_is_named_where_its_failure_is_told() {
        let failure = FileFailure {
            file: "2_b.sql".to_owned(),
            line: Some(3),
            statement: None,
            sqlstate: None,
            code: "psql_command",
            message: "no psql here".to_owned(),
        };
        let told = |error| Failed { error, result: None }.told();
        assert_eq!(told(file_error(&failure)), failure.to_string());
        let whole = FileFailure { line: None, ..failure };
        assert_eq!(told(file_error(&whole)), whole.to_string());
        assert_eq!(told(OperationError::new("no_room", "no room")), "no room");
    }
}
