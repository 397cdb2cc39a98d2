//! Migrations: what a branch has and lacks.

use super::{Answer, Asking, Group};
use crate::{
    body::{Fields, FromFields, JsonBody},
    control::life_cycle::MigrationFileDocument,
    documents::MigrationsDocument,
    mentions::mentions,
    problem::Problem,
};
use domain::operation::NamedText;
use poem::Request;
use poem_openapi::{
    Object, OpenApi,
    param::{Header, Query},
};
use ports::driving::{ListMigrations, UseCase};
use std::sync::Arc;

pub(crate) struct Migrations {
    pub(crate) list: Arc<dyn UseCase<ListMigrations>>,
    pub(crate) branch_domain: Option<String>,
}

#[OpenApi(prefix_path = "/api/v1/admin/migrations", tag = "Group::Branches")]
impl Migrations {
    /// List migrations
    ///
    /// A branch's ledger against the files of the server's `migrations.dir`. Needs one of the scopes `read:branches` and `admin:branches`.
    #[oai(path = "/", method = "get", operation_id = "list_migrations")]
    async fn list_migrations(
        &self,
        asking: Asking,
        request: &Request,
        /// The branch, by its slug or id; main when not given.
        branch: Query<Option<String>>,
        /// The branch, by its slug or id.
        #[oai(name = "X-Fluxbase-Branch")]
        _branch_header: Header<Option<String>>,
    ) -> Result<Answer<200, MigrationsDocument>, Problem> {
        self.of(&asking, request, branch.0.as_deref(), Files { files: Vec::new(), whole: false }).await
    }

    /// List migrations against files of one's own
    ///
    /// A branch's ledger against the files of the request. Changes nothing. Needs one of the scopes `read:branches` and `admin:branches`.
    #[oai(path = "/", method = "post", operation_id = "compare_migrations")]
    async fn compare_migrations(
        &self,
        asking: Asking,
        request: &Request,
        /// The branch, by its slug or id; main when not given.
        branch: Query<Option<String>>,
        /// The branch, by its slug or id.
        #[oai(name = "X-Fluxbase-Branch")]
        _branch_header: Header<Option<String>>,
        body: JsonBody<Files>,
    ) -> Result<Answer<200, MigrationsDocument>, Problem> {
        self.of(&asking, request, branch.0.as_deref(), body.0).await
    }
}

impl Migrations {
    async fn of(&self, asking: &Asking, request: &Request, query: Option<&str>, sent: Files) -> Result<Answer<200, MigrationsDocument>, Problem> {
        let pinned = asking.0.principal.restrictions.branch.as_ref();
        let branch = mentions(request, query, self.branch_domain.as_deref()).and_then(|mentions| mentions.reference(pinned));
        let branch = branch.map_err(|failure| asking.refused(failure))?;
        Ok(Answer(asking.run(&*self.list, ListMigrations { branch, files: sent.files, whole: sent.whole }).await?.into()))
    }
}

/// Files to hold against the ledger.
pub(crate) struct Files {
    files: Vec<NamedText>,
    whole: bool,
}

impl FromFields for Files {
    type Document = FilesDocument;
    const LARGE: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (files, whole) = (fields.objects("files"), fields.flag("whole"));
        let files = files?;
        if files.is_empty() {
            fields.fault("/files", "is required: the project's migration files");
        }
        Some(Self { files, whole: whole? })
    }
}

/// Files to hold against a ledger.
#[derive(Object)]
#[oai(rename = "MigrationFiles")]
pub(crate) struct FilesDocument {
    /// The project's migration files, without gaps; what comes before the oldest of them need not be sent again.
    files: Vec<MigrationFileDocument>,
    /// The files are all that the project has: one that was applied and is not among them stands in the way, even if it comes before the oldest of them.
    #[oai(nullable)]
    whole: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::Files;
    use crate::{body::Fields, testing::assert_described};
    use serde_json::json;

    #[test]
    fn bodies_are_described_as_they_are_read() {
        assert_described::<Files>();
        assert_eq!(Fields::read::<Files>(json!({})).err().unwrap()[0].pointer, "/files");
    }
}
