//! Why a command came to nothing, how that is told, and the exit code that says it to scripts.

use super::{
    flags::in_flags,
    output::{Format, write_stderr},
};
use crate::{config::ConfigError, serve::ServeError};
use client::{InvalidClient, InvalidCredential, RemoteFailure};
use domain::{Operation, OperationId, operation::OperationError};
use serde_json::{Value, json};

/// The exit code of who was interrupted: 128 and the number of SIGINT, as shells have it.
pub(super) const INTERRUPTED: u8 = 130;

/// Why a command came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// There is no such thing.
    #[error("{what} '{name}' was not found")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its name, as it was asked for.
        name: String,
    },
    /// The server refused it, or could not be asked.
    #[error("{}", in_words(.0))]
    Remote(#[from] RemoteFailure),
    /// The work that was waited for failed.
    #[error("{what}: {}", told(.error))]
    Operation {
        /// What did not work out.
        what: String,
        /// Why.
        error: Box<OperationError>,
    },
    /// Somebody would not wait for it any longer; it goes on.
    #[error(
        "interrupted: the operation goes on without this. `fluxbase operation get {operation}` tells how it gets on, `fluxbase operation watch {operation}` \
         waits for it again, `fluxbase operation cancel {operation}` calls it off"
    )]
    Interrupted {
        /// What was waited for.
        operation: OperationId,
    },
    /// Everything was told already; only the exit code is left to say.
    #[error("")]
    Told {
        /// The exit code.
        code: u8,
    },
    /// The configuration will not do.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server did not start, or did not end well.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Something on this machine.
    #[error("{message}")]
    Local {
        /// Stable code.
        code: &'static str,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
}

impl CliError {
    pub(super) fn local(code: &'static str, message: impl Into<String>, hint: Option<&str>) -> Self {
        Self::Local { code, message: message.into(), hint: hint.map(str::to_owned) }
    }

    /// An operation that ended otherwise than it should.
    pub(super) fn of_operation(what: String, operation: Operation) -> Self {
        let status = operation.status.name();
        let without_reason = || OperationError::new(status, format!("the operation was {status}"));
        Self::Operation { what, error: Box::new(operation.error.unwrap_or_else(without_reason)) }
    }

    /// The same, with the words of an operation's failure changed.
    pub(super) fn reworded(self, words: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Operation { what, mut error } => {
                error.message = words(&error.message);
                Self::Operation { what, error }
            }
            other => other,
        }
    }

    /// 1 failed, 2 usage, 3 not found, 4 refused.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Config(_) => 2,
            Self::NotFound { .. } => 3,
            Self::Remote(failure) => match (failure.status(), failure.code()) {
                // A server without the route is another version, and says nothing of the thing asked for.
                (Some(404), "no_such_route") => 1,
                (Some(404), _) => 3,
                (Some(401 | 403), _)
                | (
                    Some(409),
                    "branch_protected" | "branching_disabled" | "protected" | "main_branch" | "has_children" | "quota_exceeded" | "too_many_trials",
                ) => 4,
                (Some(400 | 422), _) => 2,
                _ => 1,
            },
            Self::Told { code } => *code,
            // As a shell has it of a program that SIGINT ended.
            Self::Interrupted { .. } => INTERRUPTED,
            Self::Operation { .. } | Self::Serve(_) | Self::Local { .. } => 1,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Usage(_) => "usage",
            Self::NotFound { .. } => "not_found",
            Self::Remote(failure) => failure.code(),
            Self::Operation { error, .. } => &error.code,
            Self::Told { .. } => "told",
            Self::Interrupted { .. } => "interrupted",
            Self::Config(_) => "configuration",
            Self::Serve(_) => "serve",
            Self::Local { code, .. } => code,
        }
    }

    fn hint(&self) -> Option<&str> {
        match self {
            Self::Remote(failure) => match (failure.hint(), failure.status()) {
                (Some(hint), _) => Some(hint),
                // Of what is sent from here, nothing else is as large.
                (None, Some(413)) => Some(
                    "the server's setting server.max_body_bytes bounds what may be sent; migration files that lie in its own folder (migrations.dir) are not sent",
                ),
                (None, Some(401)) => Some("give a key with --key, FLUXBASE_SERVICE_KEY or FLUXBASE_API_KEY"),
                // The server speaks of requests; here it is said in words of the command line.
                (None, Some(409)) => match failure.code() {
                    "has_children" => Some("`fluxbase branch delete <name> --force` deletes them too"),
                    "no_migrations" => Some("`fluxbase migrations new <name>` makes the first file of a project; --dir names the folder of others"),
                    "branch_protected" => Some("`fluxbase branch update <name> --protected=false` takes the protection off"),
                    _ => None,
                },
                (None, _) => None,
            },
            Self::Local { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }

    fn document(&self) -> Value {
        let mut error = json!({ "code": self.code(), "message": self.to_string() });
        if let Some(hint) = self.hint() {
            error["hint"] = json!(hint);
        }
        if let Self::Remote(RemoteFailure::Refused(problem)) = self {
            error["status"] = json!(problem.status);
            error["request_id"] = json!(problem.request_id);
            if !problem.errors.is_empty() {
                error["errors"] = json!(problem.errors);
            }
        }
        if let Self::Operation { error: failed, .. } = self {
            let OperationError { file, line, statement, sqlstate, .. } = &**failed;
            for (name, value) in [("file", json!(file)), ("line", json!(line)), ("statement", json!(statement)), ("sqlstate", json!(sqlstate))] {
                if !value.is_null() {
                    error[name] = value;
                }
            }
        }
        if let Self::Interrupted { operation } = self {
            error["operation_id"] = json!(operation);
        }
        json!({ "error": error })
    }

    /// Tells it on standard error: a line and a hint; or a last line of JSON, or a last document of YAML, where results are that. What stands before it says
    /// what is written to.
    pub(super) fn tell(&self, format: Format) {
        if matches!(self, Self::Told { .. }) {
            return;
        }
        let text = match format {
            Format::Json => self.document().to_string(),
            Format::Yaml => format!("---\n{}", serde_yaml_ng::to_string(&self.document()).unwrap_or_default().trim_end()),
            Format::Table => match self.hint() {
                Some(hint) => format!("error: {self}\nhint: {hint}"),
                None => format!("error: {self}"),
            },
        };
        write_stderr(&text);
    }
}

/// A refusal names places in a request's body, which nobody has written here.
fn in_words(failure: &RemoteFailure) -> String {
    let RemoteFailure::Refused(problem) = failure else { return failure.to_string() };
    in_flags(&failure.to_string(), problem.errors.iter().map(|fault| fault.pointer.as_str()))
}

/// What failed, and where it did, as far as the message does not say so itself.
fn told(error: &OperationError) -> String {
    let mut told = error.message.clone();
    let place = match (&error.file, error.line) {
        (Some(file), Some(line)) => Some(format!("{file}, line {line}")),
        (Some(file), None) => Some(file.clone()),
        (None, _) => None,
    };
    for part in place.into_iter().chain(error.sqlstate.as_ref().map(|code| format!("SQLSTATE {code}"))) {
        if !told.contains(&part) {
            told = format!("{told} ({part})");
        }
    }
    if let Some(statement) = error.statement.as_ref().filter(|statement| !told.contains(statement.as_str())) {
        told = format!("{told}\n  {}", statement.trim().replace('\n', "\n  "));
    }
    told
}

impl From<InvalidCredential> for CliError {
    fn from(invalid: InvalidCredential) -> Self {
        Self::Usage(invalid.to_string())
    }
}

impl From<InvalidClient> for CliError {
    fn from(invalid: InvalidClient) -> Self {
        match invalid {
            InvalidClient::Url { .. } => Self::Usage(invalid.to_string()),
            InvalidClient::Tls(_) => Self::local("tls", invalid.to_string(), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CliError;
    use client::{Problem, RemoteFailure};
    use domain::{Fault, operation::OperationError};

    fn refused(status: u16, code: &str) -> CliError {
        let problem = Problem {
            status,
            code: code.to_owned(),
            detail: "no".to_owned(),
            hint: None,
            errors: vec![Fault::new("/name", "is too long")],
            retry_after: None,
            request_id: Some("r-1".to_owned()),
        };
        RemoteFailure::Refused(Box::new(problem)).into()
    }

    #[test]
    fn every_refusal_has_its_exit_code() {
        for (status, code, expected) in [
            (404, "not_found", 3),
            (404, "no_such_route", 1),
            (401, "unauthenticated", 4),
            (403, "missing_scope", 4),
            (409, "has_children", 4),
            (409, "quota_exceeded", 4),
            (409, "too_many_trials", 4),
            (409, "protected", 4),
            (409, "branch_protected", 4),
            (409, "branching_disabled", 4),
            (409, "main_branch", 4),
            (409, "nothing_to_undo", 1),
            (409, "taken", 1),
            (409, "illegal_transition", 1),
            (400, "bad_request", 2),
            (422, "invalid", 2),
            (429, "rate_limited", 1),
            (500, "internal", 1),
            (503, "unavailable", 1),
        ] {
            assert_eq!(refused(status, code).exit_code(), expected, "{status} {code}");
        }
    }

    #[test]
    fn what_is_no_refusal_has_one_too() {
        let failed = OperationError::new("disk_full", "no space left");
        for (error, expected) in [
            (CliError::Usage(String::new()), 2),
            (CliError::NotFound { what: "branch", name: "x".to_owned() }, 3),
            (RemoteFailure::Unreachable { url: String::new(), reason: String::new() }.into(), 1),
            (CliError::Operation { what: "branch 'x' could not be made".to_owned(), error: Box::new(failed) }, 1),
            (CliError::local("no_server", "nothing runs", None), 1),
        ] {
            assert_eq!(error.exit_code(), expected, "{error}");
        }
    }

    #[test]
    fn a_file_that_failed_is_told_with_its_place() {
        let error = OperationError {
            file: Some("2_b.sql".to_owned()),
            line: Some(3),
            statement: Some("drop table x".to_owned()),
            sqlstate: Some("42P01".to_owned()),
            ..OperationError::new("statement_failed", "table x does not exist")
        };
        let error = CliError::Operation { what: "branch 'x' could not be migrated".to_owned(), error: Box::new(error) };
        let expected = "branch 'x' could not be migrated: table x does not exist (2_b.sql, line 3) (SQLSTATE 42P01)\n  drop table x";
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.document()["error"]["line"], 3);
    }

    #[test]
    fn scripts_get_one_object_with_all_of_it() {
        let expected = serde_json::json!({ "error": {
            "code": "invalid", "message": "no", "status": 422, "request_id": "r-1", "errors": [{ "pointer": "/name", "message": "is too long" }],
        } });
        assert_eq!(refused(422, "invalid").document(), expected);
        for (status, code, hint) in [
            (401, "unauthenticated", "--key"),
            (413, "too_large", "server.max_body_bytes"),
            (413, "too_large", "migrations.dir"),
            (409, "has_children", "--force"),
            (409, "branch_protected", "--protected=false"),
        ] {
            assert!(refused(status, code).document()["error"]["hint"].as_str().unwrap().contains(hint));
        }
    }
}
