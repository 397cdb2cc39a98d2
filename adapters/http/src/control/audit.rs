//! The audit trail, for administrators.

use super::{Answer, Asking, Group, page};
use crate::{
    documents::{AuditRowDocument, PageDocument},
    problem::Problem,
};
use domain::{Action, Fault};
use http::StatusCode;
use poem_openapi::{OpenApi, param::Query};
use ports::{
    driven::AuditFilter,
    driving::{ListAudit, UseCase},
};
use std::sync::Arc;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

pub(crate) struct Audit {
    pub(crate) list: Arc<dyn UseCase<ListAudit>>,
}

#[OpenApi(prefix_path = "/api/v1/admin/audit", tag = "Group::Audit")]
impl Audit {
    /// Read the audit trail
    ///
    /// Who asked for what, where, and what came of it, refused requests too: the newest first, those rows that fit all that is given. Where rare rows are
    /// looked for, a page may have fewer than `limit`, even none, and a `next_cursor` to look further. Needs the scope `admin:keys`.
    #[oai(path = "/", method = "get", operation_id = "list_audit")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query string")]
    async fn list_audit(
        &self,
        asking: Asking,
        /// Not before this moment, such as `2026-01-02T03:04:05Z`.
        since: Query<Option<String>>,
        /// Before this moment.
        until: Query<Option<String>>,
        /// What was asked, such as `query_table`.
        action: Query<Option<String>>,
        /// What came of it: `ok`, or a refusal's code.
        outcome: Query<Option<String>>,
        /// The id of the key, or of the user, that asked.
        principal_id: Query<Option<Uuid>>,
        /// The id of the user acted for.
        user_id: Query<Option<Uuid>>,
        /// Slug of the branch it was asked of.
        branch: Query<Option<String>>,
        /// The request's `X-Request-Id`.
        request_id: Query<Option<String>>,
        /// Items at most, 1 to 1000; 100 when not given.
        limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer<200, PageDocument<AuditRowDocument>>, Problem> {
        let wanted = AuditFilter {
            since: read("since", since.0, moment)?,
            until: read("until", until.0, moment)?,
            action: read("action", action.0, known_action)?,
            outcome: read("outcome", outcome.0, word)?,
            principal_id: principal_id.0,
            user_id: user_id.0,
            branch: read("branch", branch.0, |slug| slug.parse().ok().ok_or("must be the slug of a branch"))?,
            request_id: read("request_id", request_id.0, word)?,
        };
        let command = ListAudit { wanted, page: page(limit.0, cursor.0)? };
        Ok(Answer(PageDocument::of(asking.run(&*self.list, command).await?)))
    }
}

/// A parameter as it is read, or why it is none.
fn read<T>(name: &str, raw: Option<String>, reading: impl FnOnce(&str) -> Result<T, &'static str>) -> Result<Option<T>, Problem> {
    raw.map(|raw| reading(&raw)).transpose().map_err(|message| {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "invalid_parameter", format!("query parameter '{name}': {message}"));
        problem.errors(vec![Fault::new(format!("/{name}"), message)])
    })
}

fn moment(raw: &str) -> Result<OffsetDateTime, &'static str> {
    // A plus sign that was not escaped comes as a space; the one that RFC 3339 allows in the place of the T stays one.
    let text = match raw.split_at_checked("2026-01-02T".len()) {
        Some((date, rest)) => format!("{date}{}", rest.replace(' ', "+")),
        None => raw.to_owned(),
    };
    let moment = OffsetDateTime::parse(&text, &Rfc3339).ok();
    moment.ok_or("must be a moment as RFC 3339 writes it, such as 2026-01-02T03:04:05Z")
}

fn known_action(raw: &str) -> Result<Action, &'static str> {
    let known = Action::ALL.iter().find(|action| action.name() == raw);
    known.copied().ok_or("must be the name of an action, such as query_table; they are the ids of the operations in /openapi.json")
}

/// Outcomes and ids of requests are visible ASCII: what is not is written nowhere in the trail.
fn word(raw: &str) -> Result<String, &'static str> {
    let visible = (1..=128).contains(&raw.len()) && raw.bytes().all(|byte| byte.is_ascii_graphic());
    visible.then(|| raw.to_owned()).ok_or("must have 1 to 128 visible ASCII characters")
}

#[cfg(test)]
mod tests {
    use super::{known_action, moment, word};
    use domain::Action;

    #[test]
    fn parameters_are_read_or_refused() {
        assert_eq!(moment("2026-01-02T04:04:05+01:00"), moment("2026-01-02T03:04:05Z"));
        assert_eq!(moment("2026-01-02T04:04:05 01:00"), moment("2026-01-02T03:04:05Z"), "a plus sign that nobody escaped");
        assert_eq!(moment("2026-01-02 03:04:05Z"), moment("2026-01-02T03:04:05Z"));
        for bad in ["", "yesterday", "2026-01-02", "2026-13-02T03:04:05Z"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
        assert_eq!(known_action("query_table"), Ok(Action::QueryTable));
        assert!(known_action("QUERY_TABLE").is_err());
        assert!(word("42501").is_ok() && word("").is_err() && word("a\0b").is_err() && word("é").is_err());
    }
}
