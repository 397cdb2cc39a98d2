//! How branches differ.

use super::{Answer, Asking, Begun, Group};
use crate::{
    body::{Fields, FromFields, JsonBody},
    documents::{BranchWithOperation, SchemaDiffDocument},
    problem::Problem,
};
use domain::{
    Fault,
    difference::{remarks, script_with_remarks},
};
use http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};
use ports::driving::{BranchDiff, DiffBranches, ProveDiff, UseCase};
use std::{str::FromStr, sync::Arc};

pub(crate) struct Diffs {
    pub(crate) diff: Arc<dyn UseCase<DiffBranches>>,
    pub(crate) prove: Arc<dyn UseCase<ProveDiff>>,
}

#[OpenApi(prefix_path = "/api/v1/admin/branches", tag = "Group::Branches")]
impl Diffs {
    /// Compare two branches
    ///
    /// Object by object; the script turns the target into this branch, and is a migration as it is. What it cannot script is listed as such: in `text` below
    /// the differences, in lines that begin with `#`, and in `sql` as comments, with the hazards of each statement and what may be a rename. Makes nothing.
    /// Needs one of the scopes `read:branches` and `admin:branches`, and access to both.
    #[oai(path = "/:id/diff", method = "get", operation_id = "diff_branches")]
    async fn diff_branches(
        &self,
        asking: Asking,
        /// Id or slug of the source.
        id: Path<String>,
        /// Id or slug of the branch to compare with; the parent when not given.
        target: Query<Option<String>>,
        /// `json` (the default), `text` (unified text) or `sql` (the script).
        format: Query<Option<String>>,
    ) -> Result<DiffAnswer, Problem> {
        let format = format.0.as_deref().map_or(Ok(Format::Json), str::parse)?;
        let command = DiffBranches { branch: id.0, target: target.0, text: format == Format::Text };
        Ok(format.of(asking.run(&*self.diff, command).await?))
    }

    /// Compare two branches and prove the script
    ///
    /// On a throw-away copy of the target, without its rows (`copy.rows` is false): the operation's `result` has the comparison, and in `proved` whether
    /// nothing was left. What the script would do to rows is not proved; its hazards tell. Of one caller, and of one branch, at most three dry
    /// runs and proofs wait or run at once (409 `too_many_trials`); administrators may have three on each branch. Needs one of the scopes `write:branches` and `admin:branches`, and access to both.
    #[oai(path = "/:id/diff", method = "post", operation_id = "prove_diff")]
    async fn prove_diff(
        &self,
        asking: Asking,
        /// Id or slug of the source.
        id: Path<String>,
        body: JsonBody<Comparison>,
    ) -> Result<Begun<BranchWithOperation>, Problem> {
        let command = ProveDiff { branch: id.0, target: body.0.target };
        Ok(Begun(asking.run(&*self.prove, command).await?.into()))
    }
}

/// How a difference is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Text,
    Sql,
}

impl FromStr for Format {
    type Err = Problem;

    fn from_str(raw: &str) -> Result<Self, Problem> {
        match raw {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            "sql" => Ok(Self::Sql),
            _ => {
                let message = "expected json, text or sql";
                let problem = Problem::new(StatusCode::BAD_REQUEST, "invalid_parameter", format!("query parameter 'format': {message}"));
                Err(problem.errors(vec![Fault::new("/format", message)]))
            }
        }
    }
}

impl Format {
    fn of(self, found: BranchDiff) -> DiffAnswer {
        match self {
            Self::Json => DiffAnswer::Json(Box::new(found.into())),
            Self::Text => DiffAnswer::Text(found.text.unwrap_or_default() + &remarks(&found.diff)),
            Self::Sql => DiffAnswer::Sql(script_with_remarks(&found.source, &found.target, &found.diff)),
        }
    }
}

/// A difference, as it was asked for.
pub(crate) enum DiffAnswer {
    Json(Box<SchemaDiffDocument>),
    Text(String),
    Sql(String),
}

impl ApiResponse for DiffAnswer {
    fn meta() -> MetaResponses {
        let text = |content_type| MetaMediaType { content_type, schema: String::schema_ref() };
        let json = MetaMediaType { content_type: "application/json", schema: SchemaDiffDocument::schema_ref() };
        let content = vec![json, text("text/plain"), text("application/sql")];
        let response = MetaResponse { description: "How they differ.", status: Some(200), status_range: None, content, headers: Vec::new() };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        SchemaDiffDocument::register(registry);
    }
}

impl IntoResponse for DiffAnswer {
    fn into_response(self) -> Response {
        let text = |content_type: &str, text: String| {
            let response = Response::builder().content_type(content_type);
            response.header(header::CACHE_CONTROL, HeaderValue::from_static("no-store")).body(text)
        };
        match self {
            Self::Json(document) => Answer::<200, _>(*document).into_response(),
            Self::Text(diff) => text("text/plain; charset=utf-8", diff),
            Self::Sql(script) => text("application/sql; charset=utf-8", script),
        }
    }
}

/// What to compare with.
pub(crate) struct Comparison {
    target: Option<String>,
}

impl FromFields for Comparison {
    type Document = ComparisonDocument;
    const OPTIONAL: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self { target: fields.optional_text("target")? })
    }
}

/// What to compare a branch with.
#[derive(Object)]
#[oai(rename = "Comparison")]
pub(crate) struct ComparisonDocument {
    /// Id or slug of the target; the parent when not given.
    #[oai(nullable)]
    target: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::Comparison;
    use crate::testing::assert_described;

    #[test]
    fn bodies_are_described_as_they_are_read() {
        assert_described::<Comparison>();
    }
}
