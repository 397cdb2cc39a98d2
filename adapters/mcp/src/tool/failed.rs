//! Calls that failed: what a model is told, so that it can do better.

use super::arguments::ArgumentFault;
use domain::{Denied, Failure, Fault, failure::Candidate};
use serde::Serialize;

/// Why a tool did not do what was asked.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The arguments are wrong.
    Arguments(Vec<ArgumentFault>),
    /// The use case refused or failed.
    Failed(Failure),
}

impl CallError {
    /// One fault of the arguments.
    pub(crate) fn argument(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Arguments(vec![ArgumentFault::new(path, message)])
    }

    /// The code that a failure of this kind has everywhere.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Arguments(_) => "invalid",
            Self::Failed(failure) => failure.code(),
        }
    }

    /// Whether the credential does not reach as far as the tool: it is not among those that the caller is shown.
    pub(crate) const fn hides_tool(&self) -> Option<&Denied> {
        match self {
            Self::Failed(Failure::Denied(denied @ (Denied::MissingScope { .. } | Denied::ReadOnly | Denied::NoUser))) => Some(denied),
            _ => None,
        }
    }
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Invalid(faults) => faults.into(),
            other => Self::Failed(other),
        }
    }
}

impl From<Vec<Fault>> for CallError {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Arguments(Fault::told(faults).into_iter().map(ArgumentFault::from).collect())
    }
}

/// A failure as a caller sees it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct PublicFailure<'a> {
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqlstate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    faults: &'a [ArgumentFault],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    candidates: &'a [Candidate],
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl PublicFailure<'_> {
    /// What happened, in a sentence.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

/// What may be told of a failed call.
pub(crate) fn public<'a>(error: &'a CallError, request_id: &'a str) -> PublicFailure<'a> {
    let failure = match error {
        CallError::Arguments(faults) => {
            let message = "the arguments are wrong; correct them and call again".to_owned();
            return PublicFailure { code: "invalid_arguments", message, faults, ..PublicFailure::default() };
        }
        CallError::Failed(failure) => failure,
    };
    let told = PublicFailure { code: failure.code(), message: failure.to_string(), hint: hint(failure), ..PublicFailure::default() };
    match failure {
        Failure::Database(sql) => PublicFailure { sqlstate: Some(&sql.sqlstate), detail: sql.detail.as_deref(), ..told },
        Failure::Ambiguous { candidates, .. } => PublicFailure { candidates, ..told },
        Failure::RateLimited { retry_after, .. } | Failure::Unavailable { retry_after: Some(retry_after), .. } => {
            PublicFailure { retry_after_seconds: Some(retry_after.as_secs().max(1)), ..told }
        }
        Failure::Internal(_) => PublicFailure { request_id: Some(request_id), ..told },
        _ => told,
    }
}

/// Writes down what a caller is not told.
pub(crate) fn log(error: &CallError, request_id: &str) {
    match error {
        CallError::Failed(failure @ Failure::Internal(cause)) => {
            tracing::error!(request.id = request_id, error = &**cause as &(dyn std::error::Error + 'static), "{failure}");
        }
        CallError::Failed(failure @ Failure::Unavailable { source: Some(cause), .. }) => {
            tracing::warn!(request.id = request_id, error = &**cause as &(dyn std::error::Error + 'static), "{failure}");
        }
        _ => {}
    }
}

fn hint(failure: &Failure) -> Option<&str> {
    failure.hint().or(match failure {
        Failure::Database(sql) if sql.sqlstate == "42501" && sql.message.starts_with("permission denied for") => {
            Some("the user lacks a right on it, perhaps on some of its columns only: name in select and returning just the columns needed")
        }
        Failure::NotFound { what: "table", .. } => Some("list_tables shows the tables there are"),
        Failure::NotFound { what: "branch", .. } => Some("list_branches shows the branches there are"),
        Failure::TooManyAffected { .. } => Some("narrow the filter, or raise max_affected; with dry_run nothing is changed"),
        Failure::TimedOut { .. } => Some("narrow the filter, select fewer columns or embeds, or ask for fewer rows"),
        Failure::Ambiguous { .. } => Some("name the relationship in the embed: table!hint(columns)"),
        Failure::Unavailable { retry_after: None, .. } => Some("it may have been done: look whether it was before calling again"),
        Failure::RateLimited { .. } | Failure::Unavailable { .. } => Some("wait, then call again with the same arguments"),
        Failure::Internal(_) => Some("not the arguments' fault; tell the operator the request id"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::{CallError, public};
    use domain::{Denied, Failure, SqlFailure, access::Scope};
    use serde_json::json;
    use std::time::Duration;

    fn told(failure: Failure) -> serde_json::Value {
        serde_json::to_value(public(&CallError::from(failure), "req-1")).unwrap()
    }

    #[test]
    fn refusals_of_postgresql_keep_their_sqlstate() {
        let sql = SqlFailure { sqlstate: "23505".into(), message: "duplicate key".into(), detail: Some("Key (id)=(1)".into()), hint: None };
        assert_eq!(
            told(Failure::Database(Box::new(sql))),
            json!({"code": "23505", "sqlstate": "23505", "message": "duplicate key", "detail": "Key (id)=(1)"})
        );
    }

    #[test]
    fn a_right_that_lacks_may_lack_on_a_column() {
        let refused = |message: &str| SqlFailure { sqlstate: "42501".into(), message: message.into(), detail: None, hint: None };
        assert!(told(Failure::Database(Box::new(refused("permission denied for table t"))))["hint"].as_str().unwrap().contains("columns"));
        assert_eq!(told(Failure::Database(Box::new(refused("new row violates row-level security policy"))))["hint"], json!(null));
    }

    #[test]
    fn causes_stay_here() {
        let text = told(Failure::internal("password=hunter2")).to_string();
        assert!(!text.contains("hunter2") && text.contains("req-1"), "{text}");
        let gone = told(Failure::unavailable("the database is not available", Some("10.0.0.1 refused".into())));
        assert_eq!(gone["retry_after_seconds"], 1);
        assert!(!gone.to_string().contains("10.0.0.1"));
    }

    #[test]
    fn what_may_have_been_done_is_not_to_be_called_again_unseen() {
        let lost = told(Failure::in_doubt("the connection was lost", None));
        assert_eq!((&lost["code"], &lost["retry_after_seconds"]), (&json!("unavailable"), &json!(null)));
        assert!(lost["hint"].as_str().unwrap().contains("before calling again"), "{lost}");
        let reading = told(Failure::in_doubt("the connection was lost", None).of_reading());
        assert_eq!((&reading["retry_after_seconds"], &reading["hint"]), (&json!(1), &json!("wait, then call again with the same arguments")));
    }

    #[test]
    fn a_limit_says_when_to_come_back() {
        assert_eq!(told(Failure::RateLimited { per_minute: 100, retry_after: Duration::from_secs(7) })["retry_after_seconds"], 7);
    }

    #[test]
    fn only_what_the_credential_lacks_hides_a_tool() {
        assert!(CallError::from(Failure::Denied(Denied::MissingScope { any_of: &[Scope::ReadTables] })).hides_tool().is_some());
        assert!(CallError::from(Failure::Denied(Denied::Table { table: "t".into() })).hides_tool().is_none());
    }
}
