//! Ports that the memory adapter has no fake of, as small as these tests need them.

use async_trait::async_trait;
use domain::{
    BranchId, OperationId, UserId,
    branch::DatabaseName,
    migration::{Checksum, LedgerEntry, LedgerState, MigrationFile, MigrationVersion},
    schema::{Fingerprint, ObjectMap, SchemaDiff, SchemaSnapshot, ScriptStatement},
};
use ports::driven::{
    AppliedFile, ApplyRequest, BranchLogin, BranchLogins, BranchProbe, BranchUsers, BuildError, BuildProgress, Clock, DatabaseHealth, DatabasePlace,
    DatabaseTag, Failpoints, FileFailure, Footing, Ids, MigrationError, MigrationFiles, MigrationProgress, MigrationRunner, OpenDatabase,
    OpenDatabases, ProjectFile, Proof, Readings, Repair, SchemaReader, ScriptProver, Secret, SeedFile, SeedReport, SeedRequest, SeedRunner, SownFile,
    StoreError, TrialCopies, TrialSource,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

/// The time of the runtime, which a test may stop.
pub(crate) struct TestClock(pub(crate) Instant);

impl Clock for TestClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + self.0.elapsed()
    }
}

/// Counts; the first eight digits differ.
#[derive(Default)]
pub(crate) struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn fresh(&self) -> Uuid {
        let number = u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1);
        Uuid::from_u128(number << 96 | number)
    }
}

/// Ends the worker at the n-th place that it reaches, as a crash would: nothing that it holds is given back.
#[derive(Default)]
pub(crate) struct Crash {
    left: AtomicI64,
    reached: AtomicI64,
}

impl Crash {
    pub(crate) fn after(&self, places: i64) {
        self.left.store(places, Ordering::SeqCst);
    }

    pub(crate) fn reached(&self) -> i64 {
        self.reached.load(Ordering::SeqCst)
    }
}

impl Failpoints for Crash {
    fn reached(&self, _place: &str) {
        self.reached.fetch_add(1, Ordering::SeqCst);
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::panic::resume_unwind(Box::new("crash"));
        }
    }
}

/// Databases that a branch's login was let into.
#[derive(Default)]
pub(crate) struct Logins(pub(crate) Mutex<BTreeSet<String>>);

#[async_trait]
impl BranchLogins for Logins {
    async fn issue(&self, _: &DatabaseTag, _: Footing) -> Result<(BranchLogin, Secret), BuildError> {
        unreachable!("no test issues one")
    }

    async fn find(&self, _: &DatabaseTag) -> Result<Option<BranchLogin>, BuildError> {
        Ok(None)
    }

    async fn admit(&self, target: &DatabaseTag, _: Footing) -> Result<(), BuildError> {
        self.0.lock().unwrap().insert(target.database.as_str().to_owned());
        Ok(())
    }

    async fn see_off(&self, replaced: &DatabaseTag, _: Footing) -> Result<(), BuildError> {
        self.0.lock().unwrap().remove(replaced.database.as_str());
        Ok(())
    }

    async fn reclaim(&self, _: &DatabaseTag) -> Result<(), BuildError> {
        unreachable!("nobody's access ends here")
    }

    async fn revoke(&self, _: BranchId) -> Result<(), BuildError> {
        Ok(())
    }
}

/// Every database is small.
pub(crate) struct Probe;

#[async_trait]
impl BranchProbe for Probe {
    async fn probe(&self, _: &DatabaseName) -> Result<DatabaseHealth, StoreError> {
        Ok(DatabaseHealth { reachable: true, size_bytes: Some(1), connections: Some(0) })
    }
    async fn last_used(&self, _: BranchId) -> Result<Option<OffsetDateTime>, StoreError> {
        Ok(None)
    }
}

/// A replica that serves no requests; what was made ready for them in vain.
#[derive(Default)]
pub(crate) struct NothingOpen(pub(crate) Mutex<Vec<OpenDatabase>>);

#[async_trait]
impl OpenDatabases for NothingOpen {
    fn open(&self) -> Vec<OpenDatabase> {
        Vec::new()
    }

    async fn forget(&self, _: &DatabaseName) {}

    async fn warm_up(&self, next: &OpenDatabase) {
        self.0.lock().unwrap().push(next.clone());
    }
}

/// Copies by their operations, and why none has rows, where that is so.
#[derive(Default)]
pub(crate) struct Trials(pub(crate) Mutex<BTreeMap<OperationId, TrialSource>>, pub(crate) Mutex<Option<&'static str>>);

#[async_trait]
impl TrialCopies for Trials {
    async fn copy(&self, operation: OperationId, source: &TrialSource, _: Arc<dyn BuildProgress>) -> Result<DatabaseName, BuildError> {
        if let Some(reason) = self.1.lock().unwrap().filter(|_| source.rows) {
            return Err(BuildError::Refused { code: "unclassified_columns", message: reason.to_owned() });
        }
        self.0.lock().unwrap().insert(operation, source.clone());
        Ok(DatabaseName::existing(format!("trial_{operation}")))
    }

    async fn discard(&self, operation: OperationId, _: Arc<dyn BuildProgress>) -> Result<(), BuildError> {
        self.0.lock().unwrap().remove(&operation);
        Ok(())
    }
}

/// Ledgers by database, and the versions that the schema's mark was recorded for; a file that says `fail` does, one that says `wait` takes an hour, and
/// one that says `wait long` takes three.
#[derive(Default)]
pub(crate) struct Ledgers(pub(crate) Mutex<BTreeMap<String, Vec<MigrationVersion>>>, pub(crate) Mutex<Vec<i64>>);

#[async_trait]
impl MigrationRunner for Ledgers {
    fn checksum(&self, _: &[u8]) -> Checksum {
        Checksum([0; 32])
    }

    async fn ledger(&self, target: &DatabasePlace) -> Result<Vec<LedgerEntry>, MigrationError> {
        let applied = self.0.lock().unwrap().get(target.database.as_str()).cloned().unwrap_or_default();
        let entry = |version: MigrationVersion| LedgerEntry {
            version,
            name: format!("{version}_x.sql"),
            checksum: Checksum([0; 32]),
            statements: 1,
            state: LedgerState::Applied,
            duration: Duration::ZERO,
            who: String::new(),
            fingerprint: None,
            applied_at: OffsetDateTime::UNIX_EPOCH,
        };
        Ok(applied.into_iter().map(entry).collect())
    }

    async fn apply(&self, request: &ApplyRequest, _: Arc<dyn MigrationProgress>) -> Result<Vec<AppliedFile>, MigrationError> {
        let mut applied = Vec::new();
        for file in &request.files {
            if file.sql.contains("wait") {
                tokio::time::sleep(Duration::from_hours(if file.sql.contains("long") { 3 } else { 1 })).await;
            }
            if file.sql.contains("fail") {
                let failure = FileFailure {
                    code: "statement_failed",
                    file: file.name.clone(),
                    line: Some(1),
                    statement: Some(file.sql.clone()),
                    sqlstate: Some("42601".to_owned()),
                    message: "syntax error".to_owned(),
                };
                return Err(MigrationError::File { failure: Box::new(failure), applied });
            }
            self.0.lock().unwrap().entry(request.target.database.as_str().to_owned()).or_default().push(file.version);
            applied.push(AppliedFile {
                version: file.version,
                name: file.name.clone(),
                duration: Duration::ZERO,
                attempts: 1,
                statements: Vec::new(),
            });
        }
        Ok(applied)
    }

    async fn end_earlier(&self, _: &DatabasePlace, _: OperationId) -> Result<(), MigrationError> {
        Ok(())
    }

    async fn baseline(&self, _: &DatabasePlace, _: &[MigrationFile], _: &str) -> Result<u64, MigrationError> {
        Ok(0)
    }

    async fn repair(&self, _: &DatabasePlace, _: MigrationVersion, _: &Repair, _: &str) -> Result<(), MigrationError> {
        Ok(())
    }

    async fn record_fingerprint(&self, _: &DatabasePlace, version: MigrationVersion, _: &str) -> Result<(), MigrationError> {
        self.1.lock().unwrap().push(version.number());
        Ok(())
    }
}

/// Nobody is brought anywhere.
pub(crate) struct NoUsers;

#[async_trait]
impl BranchUsers for NoUsers {
    async fn introduce(&self, _: &DatabaseTag, _: UserId) -> Result<(), BuildError> {
        Ok(())
    }
}

/// The project has none.
pub(crate) struct NoFiles;

#[async_trait]
impl MigrationFiles for NoFiles {
    async fn read(&self) -> Result<Vec<ProjectFile>, MigrationError> {
        Ok(Vec::new())
    }
}

/// What was sown where; a seed called `bad.sql` fails, and one called `wait.sql` takes an hour.
#[derive(Default)]
pub(crate) struct Seeds(pub(crate) Mutex<Vec<String>>);

#[async_trait]
impl SeedRunner for Seeds {
    async fn find(&self, only: Option<Vec<String>>) -> Result<Vec<SeedFile>, MigrationError> {
        let names = only.unwrap_or_else(|| vec!["1_users.sql".to_owned()]);
        let file = |name: String| SeedFile { seed: domain::migration::Seed::named(&name).unwrap(), path: name.into() };
        Ok(names.into_iter().map(file).collect())
    }

    async fn log(&self, target: &DatabasePlace) -> Result<Vec<SownFile>, MigrationError> {
        let prefix = format!("{}/", target.database);
        let sown = self.0.lock().unwrap().clone();
        let file = |(run, here): (i64, &String)| {
            here.strip_prefix(&prefix).map(|name| SownFile { name: name.to_owned(), rows: 2, duration: Duration::ZERO, run })
        };
        Ok((0..).zip(&sown).filter_map(file).collect())
    }

    async fn seed(&self, request: &SeedRequest, _: Arc<dyn MigrationProgress>) -> Result<Vec<SeedReport>, MigrationError> {
        let mut reports = Vec::new();
        for file in &request.files {
            let name = file.seed.name.clone();
            if name == "wait.sql" {
                tokio::time::sleep(Duration::from_hours(1)).await;
            }
            if name == "bad.sql" {
                let failure = FileFailure {
                    code: "statement_failed",
                    file: name,
                    line: Some(3),
                    statement: None,
                    sqlstate: None,
                    message: "it is bad".to_owned(),
                };
                return Err(MigrationError::File { failure: Box::new(failure), applied: Vec::new() });
            }
            let (mut sown, here) = (self.0.lock().unwrap(), format!("{}/{name}", request.target.database));
            let unchanged = !request.force && sown.contains(&here);
            if !unchanged {
                sown.push(here);
            }
            reports.push(SeedReport { name, rows: 2, duration: Duration::ZERO, unchanged });
        }
        Ok(reports)
    }
}

/// All schemas are the same.
pub(crate) struct Schemas;

fn fingerprint() -> Fingerprint {
    Fingerprint::from_text("00")
}

#[async_trait]
impl SchemaReader for Schemas {
    async fn fingerprint(&self, _: &DatabasePlace) -> Result<Fingerprint, BuildError> {
        Ok(fingerprint())
    }

    async fn read(&self, _: &DatabasePlace) -> Result<Arc<SchemaSnapshot>, BuildError> {
        unreachable!("no test reads one")
    }

    fn unified_text(&self, _: &ObjectMap, _: &ObjectMap) -> String {
        String::new()
    }

    async fn both(&self, _: &DatabasePlace, _: &DatabasePlace) -> Result<Readings, BuildError> {
        Ok(Readings::Equal(fingerprint()))
    }
}

#[async_trait]
impl ScriptProver for Schemas {
    async fn prove(&self, _: &DatabaseName, _: &[ScriptStatement], _: &SchemaSnapshot) -> Result<Proof, BuildError> {
        Ok(Proof::Ran(Box::new(SchemaDiff::equal(fingerprint()))))
    }
}
