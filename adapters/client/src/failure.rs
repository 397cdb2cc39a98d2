//! Why a server did not do what it was asked, or could not be asked.

use crate::problem::Problem;
use domain::{Action, BoxError, Denied, Failure, access::Requirement};
use std::time::Duration;

/// Why a command came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RemoteFailure {
    /// The server refused it.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// Nobody listens there.
    #[error("no Fluxbase answers at {url}: {reason}")]
    Unreachable {
        /// The server's base URL.
        url: String,
        /// Why, in short: `connection refused`.
        reason: String,
    },
    /// The answer did not come in time. Whether the command was carried out is not known.
    #[error("{url} did not answer within {} s", .limit.as_secs())]
    TimedOut {
        /// The server's base URL.
        url: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The connection ended before the answer did. Whether the command was carried out is not known.
    #[error("the connection to {url} broke before its answer came: {reason}")]
    Broken {
        /// The server's base URL.
        url: String,
        /// How.
        reason: String,
    },
    /// Something else answers there.
    #[error("what answers at {url} is no Fluxbase that this client understands: {found}")]
    NotFluxbase {
        /// The server's base URL.
        url: String,
        /// What it answered.
        found: String,
    },
}

impl RemoteFailure {
    /// The status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(problem) => Some(problem.status),
            _ => None,
        }
    }

    /// The stable code: the server's, or one that says why there is none.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(problem) => &problem.code,
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "no_answer",
            Self::Broken { .. } => "connection_broken",
            Self::NotFluxbase { .. } => "not_fluxbase",
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => problem.hint.as_deref(),
            Self::Unreachable { .. } => Some("start it with `fluxbase`, or name another server with --url or FLUXBASE_URL"),
            Self::TimedOut { .. } | Self::Broken { .. } => Some("see what became of it before trying again"),
            Self::NotFluxbase { .. } => Some("check the URL: it is the server's public base URL, without /api or /mcp"),
        }
    }

    /// Whether the same request may work a little later: the server is starting, or busy.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused(problem) => matches!(problem.status, 429 | 502 | 503),
            Self::Unreachable { .. } | Self::Broken { .. } | Self::TimedOut { .. } => true,
            Self::NotFluxbase { .. } => false,
        }
    }

    /// The nearest of the house's own failures. Status and text survive; a code survives where the house knows it.
    pub(crate) fn into_failure(self, action: Action) -> Failure {
        let Self::Refused(problem) = self else {
            let hint = self.hint().unwrap_or_default();
            let (text, cause) = (format!("{self}; {hint}"), Some(BoxError::from(self.code().to_owned())));
            return if matches!(self, Self::Unreachable { .. }) { Failure::unavailable(text, cause) } else { Failure::in_doubt(text, cause) };
        };
        let problem = *problem;
        match problem.status {
            401 => Failure::Unauthenticated { reason: "the server does not accept this credential" },
            403 => denied(problem, action).into(),
            404 => not_found(&problem.detail),
            409 => Failure::Conflict { code: known(&problem.code), reason: problem.detail },
            422 if !problem.errors.is_empty() => Failure::Invalid(problem.errors),
            429 | 503 => Failure::Unavailable { reason: problem.detail, retry_after: problem.retry_after, source: None },
            400..500 => Failure::bad_request(known(&problem.code), problem.detail),
            _ => Failure::internal(format!("the server answered {}: {}", problem.status, problem.detail)),
        }
    }
}

fn denied(problem: Problem, action: Action) -> Denied {
    match (problem.code.as_str(), action.requirement()) {
        ("missing_scope", Requirement::AnyOf(any_of)) => Denied::MissingScope { any_of },
        ("read_only", _) => Denied::ReadOnly,
        ("no_user", _) => Denied::NoUser,
        ("scope_inflation", _) => Denied::ScopeInflation,
        ("full_clone_needs_member", _) => Denied::FullCloneNeedsMember,
        _ => Denied::Protected { reason: problem.detail },
    }
}

/// Takes `branch 'x' was not found` apart again.
fn not_found(detail: &str) -> Failure {
    const KINDS: [&str; 8] = ["branch", "operation", "user", "grant for user", "key", "table", "migration", "migration file of version"];
    let mut parts = detail.splitn(3, '\'');
    let (kind, name) = (parts.next().unwrap_or_default().trim(), parts.next());
    match (KINDS.into_iter().find(|known| *known == kind), name) {
        (Some(kind), Some(name)) => Failure::not_found(kind, name),
        _ => Failure::not_found("what was asked for:", detail),
    }
}

/// The codes that use cases, the domain and what they ask give to conflicts and malformed requests.
fn known(code: &str) -> &'static str {
    const CODES: [&str; 67] = [
        "branch_error",
        "branch_expired",
        "branch_mismatch",
        "branch_not_ready",
        "branch_protected",
        "branching_disabled",
        "changed_under_way",
        "clone_differs",
        "clone_refused",
        "database_closed",
        "database_in_use",
        "database_missing",
        "database_not_ours",
        "definitions_refused",
        "done_unread",
        "dump_unreadable",
        "excluded_table_missing",
        "extension_unavailable",
        "filter_required",
        "foreign_auth",
        "has_children",
        "illegal_transition",
        "insufficient_privilege",
        "invalid_parameter",
        "ledger_missing",
        "ledger_tampered",
        "main_branch",
        "main_out_of_reach",
        "masking_refused",
        "migration_changed",
        "migration_unexpected",
        "migration_unknown",
        "migrations_busy",
        "migrations_invalid",
        "migrations_unreadable",
        "needs_superuser",
        "no_migrations",
        "no_room",
        "no_seeds",
        "no_session",
        "not_a_branch_database",
        "nothing_to_undo",
        "operation_running",
        "parent_missing",
        "parent_not_ready",
        "protected",
        "quota_exceeded",
        "repair_misfit",
        "role_in_use",
        "role_not_ours",
        "rows_out_of_reach",
        "rows_would_double",
        "seed_unfit",
        "seed_unknown",
        "seeds_unavailable",
        "seeds_unreadable",
        "sessions_of_others",
        "taken",
        "too_late",
        "too_many_trials",
        "schema_locked",
        "tool_missing",
        "tools_missing",
        "unreadable",
        "unsafe_login",
        "users_need_values",
        "wrong_tool",
    ];
    CODES.into_iter().find(|known| *known == code).unwrap_or("refused")
}

#[cfg(test)]
mod tests {
    use super::{Problem, RemoteFailure};
    use domain::{Action, Denied, Failure, Fault, Scope};

    fn refused(status: u16, code: &str, detail: &str) -> RemoteFailure {
        RemoteFailure::Refused(Box::new(Problem {
            status,
            code: code.to_owned(),
            detail: detail.to_owned(),
            hint: None,
            errors: vec![Fault::new("/name", "is too long")],
            retry_after: None,
            request_id: None,
        }))
    }

    fn near(status: u16, code: &str, detail: &str) -> Failure {
        refused(status, code, detail).into_failure(Action::DeleteBranch)
    }

    #[test]
    fn a_refusal_becomes_the_failure_that_it_was() {
        for (status, code, detail) in [
            (404, "not_found", "branch 'x' was not found"),
            (409, "has_children", "branch 'a' has children: b"),
            (409, "quota_exceeded", "branching.max_total_branches is reached: at most 20"),
            (403, "read_only", "this key is read-only"),
            (400, "branch_mismatch", "two branches were named"),
            (400, "no_session", "this credential belongs to no session"),
            (400, "filter_required", "name the rows"),
            (404, "not_found", "migration '7' was not found"),
        ] {
            let failure = near(status, code, detail);
            assert_eq!((failure.code(), failure.to_string().as_str()), (code, detail));
        }
        assert!(matches!(near(422, "invalid", ""), Failure::Invalid(faults) if faults.len() == 1));
        assert!(matches!(near(401, "unauthenticated", ""), Failure::Unauthenticated { .. }));
        assert!(matches!(near(503, "unavailable", ""), Failure::Unavailable { .. }));
        assert!(matches!(near(500, "internal", ""), Failure::Internal(_)));
    }

    #[test]
    fn a_missing_scope_is_named_by_what_the_action_needs() {
        let Failure::Denied(Denied::MissingScope { any_of }) = near(403, "missing_scope", "") else { panic!("not a missing scope") };
        assert!(any_of.contains(&Scope::WriteBranches));
    }

    #[test]
    fn nobody_there_is_worth_another_try_and_says_how_to_start_one() {
        let failure = RemoteFailure::Unreachable { url: "http://127.0.0.1:1".to_owned(), reason: "connection refused".to_owned() };
        assert!(failure.is_passing() && failure.status().is_none());
        let text = failure.into_failure(Action::ListUsers).to_string();
        assert!(text.contains("no Fluxbase answers at http://127.0.0.1:1") && text.contains("start it with `fluxbase`"), "{text}");
    }
}
