//! Migrations of a branch against files.

use crate::{
    branches::with_files,
    document::parsed,
    route::{RemoteCommand, Route},
};
use domain::{
    Slug,
    migration::{Checksum, LedgerEntry, LedgerState, MigrationVersion},
};
use http::Method;
use ports::driving::{BaselineMigrations, ListMigrations, MigrationOverview, RepairMigration};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use time::OffsetDateTime;

impl RemoteCommand for ListMigrations {
    fn route(&self) -> Route {
        let method = if self.files.is_empty() { Method::GET } else { Method::POST };
        let route = Route::new(method, ["admin", "migrations"]).query("branch", self.branch.as_str());
        if self.files.is_empty() { route } else { route.body(with_files(json!({}), &self.files, self.whole)) }
    }

    fn read(&self, document: &Value) -> Result<MigrationOverview, serde_json::Error> {
        overview(document)
    }
}

impl RemoteCommand for RepairMigration {
    fn route(&self) -> Route {
        let body = json!({ "version": self.version, "action": self.repair.name() });
        Route::new(Method::POST, ["admin", "branches", &self.branch, "migrations", "repair"]).body(with_files(body, &self.files, self.whole))
    }

    fn read(&self, document: &Value) -> Result<MigrationOverview, serde_json::Error> {
        overview(document)
    }
}

impl RemoteCommand for BaselineMigrations {
    fn route(&self) -> Route {
        let body = self.up_to.map_or_else(|| json!({}), |version| json!({ "up_to": version }));
        Route::new(Method::POST, ["admin", "branches", &self.branch, "migrations", "baseline"]).body(with_files(body, &self.files, self.whole))
    }

    fn read(&self, document: &Value) -> Result<MigrationOverview, serde_json::Error> {
        overview(document)
    }
}

fn overview(document: &Value) -> Result<MigrationOverview, serde_json::Error> {
    let Document { branch, applied, pending, refusals, drift } = Document::deserialize(document)?;
    Ok(MigrationOverview { branch, applied: applied.into_iter().map(LedgerEntry::from).collect(), pending, refusals, drift })
}

#[derive(Deserialize)]
struct Document {
    branch: Slug,
    applied: Vec<EntryDocument>,
    pending: Vec<String>,
    refusals: Vec<String>,
    drift: Option<bool>,
}

#[derive(Deserialize)]
struct EntryDocument {
    version: MigrationVersion,
    name: String,
    #[serde(deserialize_with = "parsed")]
    checksum: Checksum,
    statements: u32,
    state: StateName,
    done: Option<u32>,
    error: Option<String>,
    duration_ms: u64,
    applied_by: String,
    #[serde(with = "time::serde::rfc3339")]
    applied_at: OffsetDateTime,
    fingerprint: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateName {
    Applied,
    Running,
    Failed,
}

impl From<EntryDocument> for LedgerEntry {
    fn from(document: EntryDocument) -> Self {
        let done = document.done.unwrap_or_default();
        Self {
            version: document.version,
            name: document.name,
            checksum: document.checksum,
            statements: document.statements,
            state: match document.state {
                StateName::Applied => LedgerState::Applied,
                StateName::Running => LedgerState::Running { done },
                StateName::Failed => LedgerState::Failed { done, message: document.error.unwrap_or_default() },
            },
            duration: Duration::from_millis(document.duration_ms),
            who: document.applied_by,
            fingerprint: document.fingerprint,
            applied_at: document.applied_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Answers, client};
    use domain::{
        migration::{MigrationVersion, RepairAction},
        operation::NamedText,
    };
    use ports::driving::{BaselineMigrations, ListMigrations, RepairMigration};
    use serde_json::json;

    #[tokio::test]
    async fn a_ledger_is_read_and_files_go_along_where_there_are_any() {
        let document = json!({
            "branch": "x", "pending": ["2_b.sql"], "refusals": [], "drift": false,
            "applied": [{
                "version": 1, "name": "1_a.sql", "checksum": "ab".repeat(32), "statements": 2, "state": "failed", "done": 1, "error": "no",
                "duration_ms": 5, "applied_by": "fluxbase", "applied_at": "2026-01-02T03:04:05Z", "fingerprint": null,
            }],
        });
        let server = Answers::with(200, document.clone()).await;
        let overview = client(&server).send(&ListMigrations { branch: "x".to_owned(), files: Vec::new(), whole: true }).await.unwrap().output;
        assert_eq!((overview.applied[0].checksum.to_string(), overview.applied[0].is_applied()), ("ab".repeat(32), false));
        assert_eq!(server.only_request().target, "GET /api/v1/admin/migrations?branch=x");

        let server = Answers::with(200, document.clone()).await;
        let files = vec![NamedText { name: "1_a.sql".to_owned(), text: "select 1".to_owned() }];
        client(&server).send(&ListMigrations { branch: "x".to_owned(), files, whole: true }).await.unwrap();
        let asked = server.only_request();
        assert_eq!(asked.target, "POST /api/v1/admin/migrations?branch=x");
        assert_eq!(asked.json(), json!({ "files": [{ "name": "1_a.sql", "sql": "select 1" }], "whole": true }));

        let (branch, files) = ("x".to_owned(), Vec::new());
        let server = Answers::with(200, document.clone()).await;
        let repair = RepairMigration {
            branch: branch.clone(),
            version: MigrationVersion::new(7),
            repair: RepairAction::NotDone,
            files: files.clone(),
            whole: false,
        };
        assert_eq!(client(&server).send(&repair).await.unwrap().output.branch.as_str(), "x");
        let asked = server.only_request();
        assert_eq!(
            (asked.target.as_str(), asked.json()),
            ("POST /api/v1/admin/branches/x/migrations/repair", json!({"version": 7, "action": "not_done"}))
        );

        let server = Answers::with(200, document).await;
        client(&server).send(&BaselineMigrations { branch, up_to: Some(MigrationVersion::new(7)), files, whole: true }).await.unwrap();
        let asked = server.only_request();
        assert_eq!((asked.target.as_str(), asked.json()), ("POST /api/v1/admin/branches/x/migrations/baseline", json!({"up_to": 7})));
    }
}
