//! Migrations of a branch against files.

use crate::{
    branches::files,
    route::{RemoteCommand, Route},
};
use domain::migration::{Checksum, LedgerEntry, LedgerState, MigrationVersion};
use http::Method;
use ports::driving::{ListMigrations, MigrationOverview};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Value, json};
use std::time::Duration;
use time::OffsetDateTime;

impl RemoteCommand for ListMigrations {
    fn route(&self) -> Route {
        let method = if self.files.is_empty() { Method::GET } else { Method::POST };
        let route = Route::new(method, ["admin", "migrations"]).query("branch", self.branch.as_str());
        if self.files.is_empty() { route } else { route.body(json!({ "files": files(&self.files) })) }
    }

    fn read(&self, document: &Value) -> Result<MigrationOverview, serde_json::Error> {
        let Document { applied, pending, refusals, drift } = Document::deserialize(document)?;
        Ok(MigrationOverview { applied: applied.into_iter().map(LedgerEntry::from).collect(), pending, refusals, drift })
    }
}

#[derive(Deserialize)]
struct Document {
    applied: Vec<EntryDocument>,
    pending: Vec<String>,
    refusals: Vec<String>,
    drift: Option<bool>,
}

#[derive(Deserialize)]
struct EntryDocument {
    version: MigrationVersion,
    name: String,
    #[serde(deserialize_with = "checksum")]
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

fn checksum<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Checksum, D::Error> {
    let text = String::deserialize(deserializer)?;
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return Err(D::Error::custom("a checksum has 64 hexadecimal digits"));
    }
    for (byte, place) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[place..place + 2], 16).map_err(D::Error::custom)?;
    }
    Ok(Checksum(bytes))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Answers, client};
    use domain::operation::NamedText;
    use ports::driving::ListMigrations;
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
        let overview = client(&server).send(&ListMigrations { branch: "x".to_owned(), files: Vec::new() }).await.unwrap().output;
        assert_eq!((overview.applied[0].checksum.to_string(), overview.applied[0].is_applied()), ("ab".repeat(32), false));
        assert_eq!(server.only_request().target, "GET /api/v1/admin/migrations?branch=x");

        let server = Answers::with(200, document).await;
        let files = vec![NamedText { name: "1_a.sql".to_owned(), text: "select 1".to_owned() }];
        client(&server).send(&ListMigrations { branch: "x".to_owned(), files }).await.unwrap();
        let asked = server.only_request();
        assert_eq!(asked.target, "POST /api/v1/admin/migrations?branch=x");
        assert_eq!(asked.json(), json!({ "files": [{ "name": "1_a.sql", "sql": "select 1" }] }));
    }
}
