//! What the refusals of builders and of migrations mean to who asked.

use domain::Failure;
use ports::driven::{BuildError, MigrationError};

pub(super) fn from_build(error: BuildError) -> Failure {
    match error {
        BuildError::Refused { code, message } => Failure::Conflict { code, reason: message },
        BuildError::Retryable { message, source } => Failure::unavailable(message, source),
        BuildError::Stopped => Failure::unavailable("this was stopped", None),
    }
}

pub(super) fn from_migrations(error: MigrationError) -> Failure {
    match error {
        MigrationError::Refused { code, message } => Failure::Conflict { code, reason: message },
        MigrationError::File { failure, .. } => Failure::Conflict { code: failure.code, reason: failure.to_string() },
        MigrationError::Retryable { message, source } => Failure::unavailable(message, source),
        MigrationError::Stopped => Failure::unavailable("this was stopped", None),
    }
}
