//! Applying people's own migrations and seed files to the database of a branch.

use super::DatabasePlace;
use async_trait::async_trait;
use domain::{
    BoxError, Failure, OperationId, Slug,
    migration::{Checksum, LedgerEntry, MigrationFile, MigrationVersion, Seed},
    privacy::without_values,
};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// What is to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyRequest {
    /// The branch, as refusals name it in their ways out.
    pub branch: Slug,
    /// Where.
    pub target: DatabasePlace,
    /// The files, in order, as [`domain::migration::plan`] gives them.
    pub files: Vec<MigrationFile>,
    /// Who has them applied, for the ledger.
    pub who: String,
    /// The operation that they are part of: [`MigrationRunner::end_earlier`].
    pub operation: Option<OperationId>,
    /// Whether to look at locks and rewrites after each statement: for dry runs.
    pub observe: bool,
}

/// A lock that a statement took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockTaken {
    /// On what: `schema.table`.
    pub relation: String,
    /// The strongest mode, as `pg_locks` names it: `AccessExclusiveLock`.
    pub mode: String,
}

/// What a statement did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementReport {
    /// The line of the file that it begins on.
    pub line: u32,
    /// Its beginning.
    pub statement: String,
    /// How long it took.
    pub duration: Duration,
    /// Rows that it wrote or gave.
    pub rows: u64,
    /// What it did to others' work; only where that was observed, in a transaction.
    pub observed: Option<Observed>,
}

/// What a statement locked and wrote anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Locks that it took or strengthened.
    pub locks: Vec<LockTaken>,
    /// Tables and indexes that it wrote anew: `schema.table`.
    pub rewrites: Vec<String>,
    /// The locks are those that PostgreSQL documents, and what the statement calls them: no transaction held it, so they could not be seen.
    pub documented: bool,
}

/// A file that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedFile {
    /// Its version.
    pub version: MigrationVersion,
    /// Its name.
    pub name: String,
    /// How long it took, waiting for locks not counted.
    pub duration: Duration,
    /// How often it was begun, when it gave way to others' locks.
    pub attempts: u32,
    /// Each of its statements that ran now, in order.
    pub statements: Vec<StatementReport>,
}

/// Where and why a file failed: what people are told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", .line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct FileFailure {
    /// Stable code: `statement_failed`, `lock_timeout`, `ends_transaction`, `leaves_role`, `leaves_utf8`, `psql_command`, ..
    pub code: &'static str,
    /// The file.
    pub file: String,
    /// The line.
    pub line: Option<u32>,
    /// The beginning of the statement.
    pub statement: Option<String>,
    /// What PostgreSQL calls it.
    pub sqlstate: Option<String>,
    /// What is wrong and what to do. PostgreSQL's own words, of the owner's own statements.
    pub message: String,
}

impl FileFailure {
    /// The same without values of rows: what the ledger keeps comes along with every copy, whatever rows stay behind. Nobody knows what an exception says that
    /// the database's own code raises.
    #[must_use]
    pub fn without_values(self) -> Self {
        let message = match self.sqlstate.as_deref() {
            Some(raised) if raised.starts_with("P0") => {
                format!("the statement raised an exception (SQLSTATE {raised}); the operation's error has its words")
            }
            Some(sqlstate) => without_values(sqlstate, &self.message).into_owned(),
            None => return self,
        };
        Self { message, ..self }
    }
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A file failed. Those before it are applied.
    #[error("{failure}")]
    File {
        /// Where and why.
        failure: Box<FileFailure>,
        /// The files before it.
        applied: Vec<AppliedFile>,
    },
    /// It is not done as things stand, whatever is in the files.
    #[error("{message}")]
    Refused {
        /// Stable code: `ledger_tampered`, `unsafe_login`, `changed_under_way`, ..
        code: &'static str,
        /// What stands in the way, and the way out.
        message: String,
    },
    /// It did not work out this time; a later try may.
    #[error("{message}")]
    Retryable {
        /// For people.
        message: String,
        /// The cause, logged.
        #[source]
        source: Option<BoxError>,
    },
    /// Whoever is told of the progress had it stopped.
    #[error("stopped")]
    Stopped,
}

/// What it means to whoever asked for something that is done at once.
impl From<MigrationError> for Failure {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::File { failure, .. } => Self::Conflict { code: failure.code, reason: failure.to_string() },
            MigrationError::Refused { code, message } => Self::Conflict { code, reason: message },
            MigrationError::Retryable { message, source } => Self::unavailable(message, source),
            MigrationError::Stopped => Self::unavailable("this was stopped", None),
        }
    }
}

/// How migrating or seeding gets on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationEvent {
    /// A file begins, the `number`th of `total`.
    FileBegins {
        /// The file.
        name: String,
        /// Its place, from 1.
        number: usize,
        /// How many there are.
        total: usize,
    },
    /// Statements of the present file that have ended.
    Statements {
        /// So many.
        done: usize,
        /// Of so many.
        total: usize,
    },
    /// Bytes of the present file that were copied.
    Bytes {
        /// So many.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// The present file gave way to a lock, and begins again after this time.
    GaveWay {
        /// The attempt that ended.
        attempt: u32,
        /// Until the next.
        wait: Duration,
    },
    /// What the present file did, or a statement of it that no transaction holds, is about to be there for good: whoever has lost the work to another hears of
    /// it now.
    Commits,
    /// The present file is done.
    FileEnds {
        /// The file.
        name: String,
        /// How long it took.
        duration: Duration,
    },
}

/// Told of what happens as it happens.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait MigrationProgress: Send + Sync {
    /// Something happened. [`MigrationError::Stopped`] ends the work: a file in a transaction is rolled back.
    async fn told(&self, event: MigrationEvent) -> Result<(), MigrationError>;
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMigrationProgress;

#[async_trait]
impl MigrationProgress for NoMigrationProgress {
    async fn told(&self, _event: MigrationEvent) -> Result<(), MigrationError> {
        Ok(())
    }
}

/// A way out of what [`domain::migration::Refusal`] or a half-run file says, taken by a person: a [`domain::migration::RepairAction`] with what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The text that this file has now means the same as what was applied.
    Accept(Checksum),
    /// The ledger forgets the file: it is pending again, or gone.
    Forget,
    /// The statement that was interrupted did run to its end: the file goes on after it.
    StatementDone,
    /// The statement that was interrupted did not run: the file goes on with it.
    StatementNotDone,
    /// The file counts as applied, with what it did.
    Applied,
}

/// Applies migrations to the database of a branch, and keeps its ledger.
///
/// # Contract
/// - It works over a login that is no superuser and reaches none, whatever the files say.
/// - A file is applied wholly, with its ledger row, or not at all; one marked `-- fluxbase:no-transaction` goes on after its last statement that ended.
/// - One at a time works on a database, whichever replica it is.
/// - It never waits for a lock longer than configured, with others queued behind it: the file gives way and begins again.
/// - A ledger that is not the table it should be is [`MigrationError::Refused`] with `ledger_tampered`.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait MigrationRunner: Send + Sync {
    /// The checksum that the ledger compares files by.
    fn checksum(&self, text: &[u8]) -> Checksum;
    /// What was applied, in the order of versions.
    async fn ledger(&self, target: &DatabasePlace) -> Result<Vec<LedgerEntry>, MigrationError>;
    /// Applies files, in order. One that another runner has applied meanwhile is left out.
    async fn apply(&self, request: &ApplyRequest, progress: Arc<dyn MigrationProgress>) -> Result<Vec<AppliedFile>, MigrationError>;
    /// Ends what earlier turns at an operation, migrating or seeding, have left at work in a database: a replica that is frozen holds what it has locked, and
    /// would go on when it wakes.
    async fn end_earlier(&self, target: &DatabasePlace, operation: OperationId) -> Result<(), MigrationError>;
    /// Takes files as applied without running them: for a database that had them before it had a ledger. Those that are in the ledger stay as they are.
    async fn baseline(&self, target: &DatabasePlace, files: &[MigrationFile], who: &str) -> Result<u64, MigrationError>;
    /// Puts a row of the ledger right.
    async fn repair(&self, target: &DatabasePlace, version: MigrationVersion, repair: &Repair, who: &str) -> Result<(), MigrationError>;
    /// Records the schema's fingerprint as it is after this version.
    async fn record_fingerprint(&self, target: &DatabasePlace, version: MigrationVersion, fingerprint: &str) -> Result<(), MigrationError>;
}

/// A seed file, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedFile {
    /// What its name says.
    pub seed: Seed,
    /// Where it is; read in pieces.
    pub path: PathBuf,
}

/// What is to be sown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedRequest {
    /// Where.
    pub target: DatabasePlace,
    /// The files, in order.
    pub files: Vec<SeedFile>,
    /// Whether to run those again that ran before and have not changed.
    pub force: bool,
    /// Who has them run, for the log.
    pub who: String,
    /// The operation that they are part of: [`MigrationRunner::end_earlier`].
    pub operation: Option<OperationId>,
}

/// What became of a seed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedReport {
    /// The file.
    pub name: String,
    /// Rows that it wrote, as far as its statements say.
    pub rows: u64,
    /// How long it took.
    pub duration: Duration,
    /// Whether it was left out, since it ran here before and has not changed.
    pub unchanged: bool,
}

/// A seed file in a branch's log, as it last ran there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SownFile {
    /// The file.
    pub name: String,
    /// Rows that it wrote.
    pub rows: u64,
    /// How long it took.
    pub duration: Duration,
    /// When it ran, in microseconds since 1970: another run has another number.
    pub run: i64,
}

/// Runs seed files in the database of a branch, and keeps their log there.
///
/// # Contract
/// As [`MigrationRunner`]: the same login, one transaction a file, nothing of a failed file stays. What is large is streamed.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SeedRunner: Send + Sync {
    /// The seed files of the configured folder by name; only these where some are named. Names that are not there are refused.
    async fn find(&self, only: Option<Vec<String>>) -> Result<Vec<SeedFile>, MigrationError>;
    /// What ran in a branch, each file as it last did.
    async fn log(&self, target: &DatabasePlace) -> Result<Vec<SownFile>, MigrationError>;
    /// Runs files, in order. A failure tells the file that failed; those before it stay.
    async fn seed(&self, request: &SeedRequest, progress: Arc<dyn MigrationProgress>) -> Result<Vec<SeedReport>, MigrationError>;
}
