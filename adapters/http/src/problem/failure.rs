//! From a failure to its problem: the one place where that is decided for REST.

use super::{Problem, sqlstate};
use domain::{Denied, Failure, SqlFailure, access::PrincipalKind, failure::Candidate};
use http::{StatusCode, header};
use std::{error::Error, fmt::Write};

/// Who is told.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    /// `X-Request-Id`: causes are logged under it.
    pub(crate) request_id: &'a str,
    /// The credential; `None` where it was not good.
    pub(crate) kind: Option<PrincipalKind>,
}

/// The problem for a failure. A cause is logged here, and never part of it.
pub(crate) fn refusal(failure: Failure, asker: Asker<'_>) -> Problem {
    log(&failure, asker.request_id);
    let anonymous = asker.kind == Some(PrincipalKind::Anonymous);
    let status = status_of(&failure, anonymous);
    let problem = Problem::new(status, failure.code().to_owned(), failure.to_string());
    let problem = if status == StatusCode::UNAUTHORIZED { problem.header(header::WWW_AUTHENTICATE, CHALLENGE) } else { problem };
    match failure {
        Failure::Denied(Denied::MissingScope { any_of }) => {
            let scopes: Vec<_> = any_of.iter().map(|scope| scope.name()).collect();
            let challenge = format!("{CHALLENGE}, error=\"insufficient_scope\", scope=\"{}\"", scopes.join(" "));
            problem.header(header::WWW_AUTHENTICATE, challenge)
        }
        Failure::Invalid(faults) => problem.errors(faults),
        Failure::Ambiguous { target, candidates, .. } => problem.hint(which_one(&target, &candidates)).candidates(candidates),
        // Supabase's clients take `maybeSingle()` of no row by this sentence of PostgREST's.
        Failure::NotSingular { rows } => problem.details(Some(format!("The result contains {} rows", if rows == 0 { "0" } else { "several" }))),
        Failure::RangeNotSatisfiable { total, .. } => problem.header(header::CONTENT_RANGE, format!("*/{total}")),
        Failure::RateLimited { retry_after, .. }
        | Failure::TooManyAttempts { retry_after, .. }
        | Failure::Unavailable { retry_after: Some(retry_after), .. } => problem.retry_after(retry_after),
        // Without Retry-After: clients and proxies take that for leave to send it again.
        Failure::Unavailable { retry_after: None, .. } => problem.hint(Some("look whether it was done before you ask again".to_owned())),
        Failure::Database(sql) => of_database(problem, *sql),
        Failure::Unauthenticated { .. }
        | Failure::Denied(_)
        | Failure::NotFound { .. }
        | Failure::BadRequest { .. }
        | Failure::Conflict { .. }
        | Failure::LimitReached { .. }
        | Failure::TooManyAffected { .. }
        | Failure::TooLarge { .. }
        | Failure::TimedOut { .. }
        | Failure::Internal(_) => problem,
    }
}

/// What a 401 asks for.
pub(crate) const CHALLENGE: &str = "Bearer realm=\"fluxbase\"";

fn status_of(failure: &Failure, anonymous: bool) -> StatusCode {
    match failure {
        Failure::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
        Failure::Denied(_) => StatusCode::FORBIDDEN,
        Failure::NotFound { .. } => StatusCode::NOT_FOUND,
        Failure::BadRequest { .. } | Failure::TooManyAffected { .. } => StatusCode::BAD_REQUEST,
        Failure::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Failure::Ambiguous { .. } => StatusCode::MULTIPLE_CHOICES,
        Failure::NotSingular { .. } => StatusCode::NOT_ACCEPTABLE,
        Failure::RangeNotSatisfiable { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
        Failure::Conflict { .. } | Failure::LimitReached { .. } => StatusCode::CONFLICT,
        Failure::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Failure::RateLimited { .. } | Failure::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
        Failure::Database(sql) => sqlstate::status_of(&sql.sqlstate, anonymous),
        Failure::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
        Failure::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Failure::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_database(problem: Problem, sql: SqlFailure) -> Problem {
    let problem = if problem.status() == StatusCode::SERVICE_UNAVAILABLE { problem.retry_after(std::time::Duration::from_secs(1)) } else { problem };
    problem.details(sql.detail).hint(sql.hint)
}

fn which_one(target: &str, candidates: &[Candidate]) -> Option<String> {
    let ways: Vec<_> = candidates.iter().map(|candidate| format!("'{target}!{}'", candidate.hint)).collect();
    (!ways.is_empty()).then(|| format!("write one of {}", ways.join(", ")))
}

fn log(failure: &Failure, request_id: &str) {
    match failure {
        Failure::Internal(cause) => tracing::error!(request.id = request_id, cause = chain(&**cause), "internal error"),
        Failure::Unavailable { source: Some(cause), reason, .. } => {
            tracing::warn!(request.id = request_id, cause = chain(&**cause), "{reason}");
        }
        _ => {}
    }
}

/// An error with all its causes.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Asker, refusal};
    use domain::{Denied, Failure, Fault, Scope, SqlFailure, access::PrincipalKind, failure::Candidate};
    use poem::{IntoResponse, Response};
    use std::time::Duration;

    fn of(failure: Failure) -> Response {
        refusal(failure, Asker { request_id: "r-1", kind: Some(PrincipalKind::Token) }).into_response()
    }

    fn database(sqlstate: &str) -> Failure {
        let detail = Some("Key (id)=(1) already exists.".to_owned());
        Failure::Database(Box::new(SqlFailure { sqlstate: sqlstate.to_owned(), message: "no".to_owned(), detail, hint: Some("try 2".to_owned()) }))
    }

    #[test]
    fn every_failure_has_its_status() {
        let candidate = Candidate { cardinality: "many-to-one", relationship: String::new(), hint: "fk".to_owned() };
        let second = Duration::from_secs(1);
        for (failure, status) in [
            (Failure::Unauthenticated { reason: "no credential" }, 401),
            (Denied::ReadOnly.into(), 403),
            (Failure::not_found("table", "t"), 404),
            (Failure::bad_request("x", "y"), 400),
            (Fault::new("/a", "b").into(), 422),
            (Failure::Ambiguous { origin: "a".to_owned(), target: "b".to_owned(), candidates: vec![candidate] }, 300),
            (Failure::NotSingular { rows: 2 }, 406),
            (Failure::RangeNotSatisfiable { offset: 9, total: 3 }, 416),
            (Failure::Conflict { code: "taken", reason: String::new() }, 409),
            (Failure::LimitReached { code: "quota_exceeded", limit: "l", max: 1 }, 409),
            (Failure::TooManyAffected { affected: 5, max: 1 }, 400),
            (Failure::TooLarge { what: "the body", limit: 1 }, 413),
            (Failure::RateLimited { per_minute: 1, retry_after: second }, 429),
            (Failure::TooManyAttempts { reason: "r", retry_after: second }, 429),
            (database("23505"), 409),
            (Failure::TimedOut { limit: second }, 504),
            (Failure::unavailable("later", None), 503),
            (Failure::internal("secret"), 500),
        ] {
            let text = format!("{failure:?}");
            assert_eq!(of(failure).status().as_u16(), status, "{text}");
        }
    }

    #[tokio::test]
    async fn causes_are_never_sent() {
        for failure in [Failure::internal("the secret cause"), Failure::unavailable("later", Some("the secret cause".into()))] {
            let text = of(failure).into_body().into_string().await.unwrap();
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_refusal_of_postgresql_keeps_its_words() {
        let json: serde_json::Value = of(database("23505")).into_body().into_json().await.unwrap();
        assert_eq!(json["code"], "23505");
        assert_eq!(json["details"], "Key (id)=(1) already exists.");
        assert_eq!(json["hint"], "try 2");
    }

    #[test]
    fn headers_tell_what_to_do() {
        assert_eq!(of(Failure::Unauthenticated { reason: "no" }).header("www-authenticate"), Some("Bearer realm=\"fluxbase\""));
        let scope = of(Denied::MissingScope { any_of: &[Scope::WriteTables] }.into());
        let challenge = "Bearer realm=\"fluxbase\", error=\"insufficient_scope\", scope=\"write:tables\"";
        assert_eq!(scope.header("www-authenticate"), Some(challenge));
        assert_eq!(of(Failure::unavailable("later", None)).header("retry-after"), Some("1"));
        let in_doubt = of(Failure::in_doubt("lost", None));
        assert_eq!((in_doubt.status().as_u16(), in_doubt.header("retry-after")), (503, None));
        assert_eq!(of(Failure::RangeNotSatisfiable { offset: 9, total: 3 }).header("content-range"), Some("*/3"));
    }

    #[test]
    fn who_has_not_said_who_they_are_is_asked_to() {
        let anonymous = refusal(database("42501"), Asker { request_id: "r-1", kind: Some(PrincipalKind::Anonymous) }).into_response();
        assert_eq!(anonymous.status().as_u16(), 401);
        assert!(anonymous.header("www-authenticate").is_some());
    }
}
