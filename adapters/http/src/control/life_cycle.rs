//! What happens to a branch: reset, undo, seeds, migrations.

use super::{Asking, Begun, Group};
use crate::{
    body::{Fields, FromFields, JsonBody},
    documents::BranchWithOperation,
    problem::Problem,
};
use domain::{branch::MaxAge, operation::NamedText};
use poem_openapi::{Object, OpenApi, param::Path};
use ports::driving::{MigrateBranch, ResetBranch, SeedBranch, UndoReset, UseCase};
use std::sync::Arc;

pub(crate) struct LifeCycle {
    pub(crate) reset: Arc<dyn UseCase<ResetBranch>>,
    pub(crate) undo: Arc<dyn UseCase<UndoReset>>,
    pub(crate) seed: Arc<dyn UseCase<SeedBranch>>,
    pub(crate) migrate: Arc<dyn UseCase<MigrateBranch>>,
}

#[OpenApi(prefix_path = "/api/v1/admin/branches", tag = "Group::Branches")]
impl LifeCycle {
    /// Reset a branch
    ///
    /// Brings it back to its parent's present state. The old data serves until the switch; afterwards `undo` brings it back for
    /// `branching.reset_undo`. Refused for main and for protected branches. Needs one of the scopes `write:branches` and `admin:branches`.
    #[oai(path = "/:id/reset", method = "post", operation_id = "reset_branch")]
    async fn reset_branch(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        body: JsonBody<Reset>,
    ) -> Result<Begun<BranchWithOperation>, Problem> {
        let command = ResetBranch { branch: id.0, seeds: body.0.seeds, max_age: body.0.max_age };
        Ok(Begun(asking.run(&*self.reset, command).await?.into()))
    }

    /// Undo a reset
    ///
    /// Brings back what the latest reset replaced, while it is kept. A second time is refused. Needs one of the scopes `write:branches` and
    /// `admin:branches`.
    #[oai(path = "/:id/undo", method = "post", operation_id = "undo_reset")]
    async fn undo_reset(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        _body: JsonBody<Nothing>,
    ) -> Result<Begun<BranchWithOperation>, Problem> {
        Ok(Begun(asking.run(&*self.undo, UndoReset { branch: id.0 }).await?.into()))
    }

    /// Run seed files on a branch
    ///
    /// Those of the server's `branching.seeds_dir` that did not run there yet, or have changed since, in the order of their names, each wholly or not at
    /// all. The branch serves meanwhile. The operation's `result` tells of each file whether it was `unchanged` and left out, else its `rows`. Refused for
    /// main. Needs one of the scopes `write:branches` and `admin:branches`.
    #[oai(path = "/:id/seed", method = "post", operation_id = "seed_branch")]
    async fn seed_branch(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        body: JsonBody<Seeding>,
    ) -> Result<Begun<BranchWithOperation>, Problem> {
        Ok(Begun(asking.run(&*self.seed, SeedBranch { branch: id.0, seeds: body.0.seeds }).await?.into()))
    }

    /// Migrate a branch
    ///
    /// Applies the migrations that its ledger lacks, in the order of their versions: those of the request, else those of the server's
    /// `migrations.dir`. A failure leaves the branch as it was before the failing file; the operation's `error` says file, line, statement and
    /// SQLSTATE. Of one caller, and of one branch, at most three dry runs and proofs wait or run at once (409 `too_many_trials`); administrators may have
    /// three on each branch, and who may write a branch finds room there whatever others try. Needs one of the scopes `write:branches` and `admin:branches`.
    #[oai(path = "/:id/migrate", method = "post", operation_id = "migrate_branch")]
    async fn migrate_branch(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        body: JsonBody<Migration>,
    ) -> Result<Begun<BranchWithOperation>, Problem> {
        let Migration { files, whole, dry_run, allow_out_of_order } = body.0;
        let command = MigrateBranch { branch: id.0, files, whole, dry_run, allow_out_of_order };
        Ok(Begun(asking.run(&*self.migrate, command).await?.into()))
    }
}

/// How to reset.
pub(crate) struct Reset {
    seeds: Option<Vec<String>>,
    max_age: Option<MaxAge>,
}

impl FromFields for Reset {
    type Document = ResetDocument;
    const OPTIONAL: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (seeds, max_age) = (fields.optional_list("seeds"), fields.optional_parsed("max_age"));
        Some(Self { seeds: seeds?, max_age: max_age? })
    }
}

/// How to reset a branch.
#[derive(Object)]
#[oai(rename = "Reset")]
pub(crate) struct ResetDocument {
    /// For `seed_data`: the seed files to run afterwards, by name; when not given, those that the branch was made of: all of them where none were named.
    #[oai(nullable)]
    seeds: Option<Vec<String>>,
    /// For `full_clone`: how old a kept copy of the parent's rows may be, such as `1h`. When not given, or `0`, never a kept copy: rows are not older than
    /// the request.
    #[oai(nullable)]
    max_age: Option<String>,
}

/// What to sow.
pub(crate) struct Seeding {
    seeds: Option<Vec<String>>,
}

impl FromFields for Seeding {
    type Document = SeedingDocument;
    const OPTIONAL: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        fields.optional_list("seeds").map(|seeds| Self { seeds })
    }
}

/// What to sow in a branch.
#[derive(Object)]
#[oai(rename = "Seeding")]
pub(crate) struct SeedingDocument {
    /// The seed files to run, by name; when not given, those that the branch was made of: all of them where none were named.
    #[oai(nullable)]
    seeds: Option<Vec<String>>,
}

/// Nothing that could be said.
pub(crate) struct Nothing;

impl FromFields for Nothing {
    type Document = NothingDocument;
    const OPTIONAL: bool = true;

    fn from_fields(_fields: &mut Fields) -> Option<Self> {
        Some(Self)
    }
}

/// An object without fields, where there is a body at all.
#[derive(Object)]
#[oai(rename = "Nothing")]
pub(crate) struct NothingDocument {}

/// What to apply.
pub(crate) struct Migration {
    files: Vec<NamedText>,
    whole: bool,
    dry_run: bool,
    allow_out_of_order: bool,
}

impl FromFields for Migration {
    type Document = MigrationDocument;
    const OPTIONAL: bool = true;
    const LARGE: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (files, whole) = (fields.objects("files"), fields.flag("whole"));
        let (dry_run, allow_out_of_order) = (fields.flag("dry_run"), fields.flag("allow_out_of_order"));
        Some(Self { files: files?, whole: whole?, dry_run: dry_run?, allow_out_of_order: allow_out_of_order? })
    }
}

impl FromFields for NamedText {
    type Document = MigrationFileDocument;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (name, text) = (fields.text("name"), fields.text("sql"));
        Some(Self { name: name?, text: text? })
    }
}

/// What to apply to a branch.
#[derive(Object)]
#[oai(rename = "Migration")]
pub(crate) struct MigrationDocument {
    /// The project's migration files, without gaps; what comes before the oldest of them need not be sent again. Those of the server's
    /// `migrations.dir` when there are none.
    #[oai(nullable)]
    files: Option<Vec<MigrationFileDocument>>,
    /// The files are all that the project has: one that was applied and is not among them is refused (`migration_missing`), even if it comes before the oldest of
    /// them.
    #[oai(nullable)]
    whole: Option<bool>,
    /// Try it on a throw-away copy only: how long each statement takes, what it locks and rewrites, and how the schema would differ.
    /// `copy` in the result says whether rows were there.
    #[oai(nullable)]
    dry_run: Option<bool>,
    /// Apply files that come before one that is already applied, too.
    #[oai(nullable)]
    allow_out_of_order: Option<bool>,
}

/// A migration file.
#[derive(Object)]
#[oai(rename = "MigrationFile")]
pub(crate) struct MigrationFileDocument {
    /// Its name, without folders: leading digits are its version, as in `20260131120000_add_tasks.sql`.
    name: String,
    /// What is in it.
    sql: String,
}

#[cfg(test)]
mod tests {
    use super::{Migration, Nothing, Reset, Seeding};
    use crate::{body::Fields, testing::assert_described};
    use domain::operation::NamedText;
    use serde_json::json;

    #[test]
    fn bodies_are_described_as_they_are_read() {
        assert_described::<Reset>();
        assert_described::<Seeding>();
        assert_described::<Nothing>();
        assert_described::<Migration>();
        assert_described::<NamedText>();
    }

    #[test]
    fn every_fault_of_a_migration_is_told() {
        let body = json!({"files": [{"name": "1_a.sql"}, {"name": 1, "sql": "select 1", "x": 1}], "dry_run": "yes", "force": true});
        let faults = Fields::read::<Migration>(body).err().unwrap();
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/files/0/sql", "/files/1/name", "/files/1/x", "/dry_run", "/force"]);
        let read = Fields::read::<Migration>(json!({})).unwrap();
        assert!(read.files.is_empty() && !read.whole);
        assert!(Fields::read::<Migration>(json!({"whole": true})).unwrap().whole);
    }
}
