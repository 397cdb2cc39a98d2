//! A branch's ledger of migrations, put right by a person.

use super::{Answer, Asking, Group, life_cycle::MigrationFileDocument};
use crate::{
    body::{Fields, FromFields, JsonBody},
    documents::MigrationsDocument,
    problem::Problem,
};
use domain::{
    migration::{MigrationVersion, RepairAction},
    operation::NamedText,
};
use poem_openapi::{Object, OpenApi, param::Path};
use ports::driving::{BaselineMigrations, RepairMigration, UseCase};
use std::sync::Arc;

pub(crate) struct Ledger {
    pub(crate) repair: Arc<dyn UseCase<RepairMigration>>,
    pub(crate) baseline: Arc<dyn UseCase<BaselineMigrations>>,
}

#[OpenApi(prefix_path = "/api/v1/admin/branches", tag = "Group::Branches")]
impl Ledger {
    /// Repair a row of a branch's ledger
    ///
    /// The way out of what migrating refuses: `accept` the text that the file has now, `forget` the file, or say of a statement that was interrupted that
    /// it is `done` or `not_done`; `applied` takes a file that was begun without a transaction as it is. `accept_drift`, of the
    /// version that was applied last, takes the schema as it is now for what the files left. Runs nothing. Needs one of the scopes
    /// `write:branches` and `admin:branches`.
    #[oai(path = "/:id/migrations/repair", method = "post", operation_id = "repair_migration")]
    async fn repair_migration(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        body: JsonBody<NewRepair>,
    ) -> Result<Answer<200, MigrationsDocument>, Problem> {
        let NewRepair { version, action, files, whole } = body.0;
        let command = RepairMigration { branch: id.0, version, repair: action, files, whole };
        Ok(Answer(asking.run(&*self.repair, command).await?.into()))
    }

    /// Take migrations as applied
    ///
    /// For a branch that had them before it had a ledger. Runs nothing; what the ledger has stays as it is. Needs one of the scopes `write:branches` and
    /// `admin:branches`.
    #[oai(path = "/:id/migrations/baseline", method = "post", operation_id = "baseline_migrations")]
    async fn baseline_migrations(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        body: JsonBody<Baseline>,
    ) -> Result<Answer<200, MigrationsDocument>, Problem> {
        let Baseline { up_to, files, whole } = body.0;
        let command = BaselineMigrations { branch: id.0, up_to, files, whole };
        Ok(Answer(asking.run(&*self.baseline, command).await?.into()))
    }
}

/// What is said of a row.
pub(crate) struct NewRepair {
    version: MigrationVersion,
    action: RepairAction,
    files: Vec<NamedText>,
    whole: bool,
}

impl FromFields for NewRepair {
    type Document = RepairDocument;
    const LARGE: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (version, action, files) = (fields.optional_version("version"), fields.parsed("action"), fields.objects("files"));
        let whole = fields.flag("whole");
        let version = version.and_then(|version| fields.required("version", version));
        Some(Self { version: version?, action: action?, files: files?, whole: whole? })
    }
}

/// What is said of a row of the ledger.
#[derive(Object)]
#[oai(rename = "Repair")]
pub(crate) struct RepairDocument {
    /// The migration's version: the leading digits of its name.
    version: i64,
    /// `accept`, `forget`, `done`, `not_done`, `applied` or `accept_drift`.
    action: String,
    /// For `accept`: the project's migration files, with the one whose text is accepted. Those of the server's `migrations.dir` when there are none.
    #[oai(nullable)]
    files: Option<Vec<MigrationFileDocument>>,
    /// The files are all that the project has: one that was applied and is not among them stands in the way in the answer, even if it comes before the oldest of them.
    #[oai(nullable)]
    whole: Option<bool>,
}

/// What is taken as applied.
pub(crate) struct Baseline {
    up_to: Option<MigrationVersion>,
    files: Vec<NamedText>,
    whole: bool,
}

impl FromFields for Baseline {
    type Document = BaselineDocument;
    const OPTIONAL: bool = true;
    const LARGE: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (up_to, files, whole) = (fields.optional_version("up_to"), fields.objects("files"), fields.flag("whole"));
        Some(Self { up_to: up_to?, files: files?, whole: whole? })
    }
}

/// What is taken as applied.
#[derive(Object)]
#[oai(rename = "Baseline")]
pub(crate) struct BaselineDocument {
    /// The last version that is taken so; all of them when not given.
    #[oai(nullable)]
    up_to: Option<i64>,
    /// The project's migration files. Those of the server's `migrations.dir` when there are none.
    #[oai(nullable)]
    files: Option<Vec<MigrationFileDocument>>,
    /// The files are all that the project has: one that was applied and is not among them stands in the way in the answer, even if it comes before the oldest of them.
    #[oai(nullable)]
    whole: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::{Baseline, NewRepair};
    use crate::{body::Fields, testing::assert_described};
    use domain::migration::RepairAction;
    use serde_json::json;

    #[test]
    fn bodies_are_described_as_they_are_read() {
        assert_described::<NewRepair>();
        assert_described::<Baseline>();
    }

    #[test]
    fn a_repair_names_a_version_and_one_of_the_ways_out() {
        let read = Fields::read::<NewRepair>(json!({"version": 20_260_101_120_000_i64, "action": "not_done"})).unwrap();
        assert_eq!((read.version.number(), read.action), (20_260_101_120_000, RepairAction::NotDone));
        for (body, pointers) in [
            (json!({}), vec!["/action", "/version"]),
            (json!({"version": "1", "action": "drop"}), vec!["/version", "/action"]),
            (json!({"version": -1, "action": "accept"}), vec!["/version"]),
            (json!({"version": 1_000_000_000_000_000_000_i64, "action": "accept"}), vec!["/version"]),
        ] {
            let faults = Fields::read::<NewRepair>(body).err().unwrap();
            assert_eq!(faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), pointers);
        }
        assert!(Fields::read::<Baseline>(json!({})).unwrap().up_to.is_none());
    }
}
