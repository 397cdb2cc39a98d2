//! [`PgMigrationRunner`]: files in order, each wholly or not at all.

use super::{
    ended_transaction,
    execute::{Statement, statements},
    failure::{from_sql, refused, unreadable},
    in_transaction::{self, Trouble, of_file},
    keeper::{Keeper, has_table, is_gone},
    ledger::{self, Progress, Row},
    ledger_guard::{self, Check, Hold, LEDGER},
    repair,
    settings::MigrationSettings,
    tries::Tries,
    without_transaction::{Bare, row_gone},
    worker::Worker,
};
use async_trait::async_trait;
use domain::{
    OperationId, Slug,
    migration::{Checksum, LedgerEntry, MigrationFile, MigrationVersion, RepairAction, split},
};
use ports::driven::{
    AppliedFile, ApplyRequest, DatabasePlace, FileFailure, MigrationError, MigrationEvent, MigrationProgress, MigrationRunner, Repair,
    StatementReport,
};
use sha2::{Digest, Sha256};
use sqlx::Connection;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// Applies migrations on one PostgreSQL server.
#[derive(Debug)]
pub struct PgMigrationRunner {
    settings: MigrationSettings,
    looks: Semaphore,
}

/// Ledgers that one runner reads at once: whoever asks for a branch has its ledger read, and each time takes a connection.
const LOOKS: usize = 8;

impl PgMigrationRunner {
    /// A runner; nothing is connected before there is something to do.
    pub fn new(settings: MigrationSettings) -> Self {
        Self { settings, looks: Semaphore::new(LOOKS) }
    }
}

#[async_trait]
impl MigrationRunner for PgMigrationRunner {
    fn checksum(&self, text: &[u8]) -> Checksum {
        Checksum(Sha256::digest(text).into())
    }

    async fn ledger(&self, target: &DatabasePlace) -> Result<Vec<LedgerEntry>, MigrationError> {
        let _look = self.looks.acquire().await.expect("never closed");
        let mut connection = self.settings.connect(target, None).await?;
        if !has_table(&mut connection, &LEDGER).await? && !is_gone(&mut connection).await? {
            return Ok(Vec::new());
        }
        let mut transaction = connection.begin().await.map_err(|error| from_sql("beginning", error))?;
        ledger_guard::check(&mut transaction, &LEDGER, target.is_main, Hold::Read).await?;
        let rows = ledger::list(&mut transaction).await?;
        let _ = transaction.commit().await;
        let _ = connection.close().await;
        Ok(rows.into_iter().map(|row| row.entry).collect())
    }

    #[tracing::instrument(name = "migrations.apply", skip_all, fields(database = %request.target.database, files = request.files.len()))]
    async fn apply(&self, request: &ApplyRequest, progress: Arc<dyn MigrationProgress>) -> Result<Vec<AppliedFile>, MigrationError> {
        let applied = self.apply_files(request, progress).await;
        // A copy to try files on goes with its logins.
        if !request.observe {
            self.settings.restore_logins(&request.target).await;
        }
        applied
    }

    async fn end_earlier(&self, target: &DatabasePlace, operation: OperationId) -> Result<(), MigrationError> {
        self.settings.end_sessions(target, operation).await
    }

    async fn baseline(&self, target: &DatabasePlace, files: &[MigrationFile], who: &str) -> Result<u64, MigrationError> {
        let mut keeper = Keeper::take(&self.settings, target, None).await?;
        let done = repair::baseline(&mut keeper, files, who).await?;
        keeper.release().await;
        Ok(done)
    }

    async fn repair(&self, target: &DatabasePlace, version: MigrationVersion, repair: &Repair, who: &str) -> Result<(), MigrationError> {
        let mut keeper = Keeper::take(&self.settings, target, None).await?;
        repair::repair(&mut keeper, version, repair, who).await?;
        keeper.release().await;
        Ok(())
    }

    async fn record_fingerprint(&self, target: &DatabasePlace, version: MigrationVersion, fingerprint: &str) -> Result<(), MigrationError> {
        let mut keeper = Keeper::take(&self.settings, target, None).await?;
        repair::record_fingerprint(&mut keeper, version, fingerprint).await?;
        keeper.release().await;
        Ok(())
    }
}

impl PgMigrationRunner {
    async fn apply_files(&self, request: &ApplyRequest, progress: Arc<dyn MigrationProgress>) -> Result<Vec<AppliedFile>, MigrationError> {
        let mut keeper = Keeper::take(&self.settings, &request.target, request.operation).await?;
        let mut applied = Vec::with_capacity(request.files.len());
        for (at, file) in request.files.iter().enumerate() {
            progress.told(MigrationEvent::FileBegins { name: file.name.clone(), number: at + 1, total: request.files.len() }).await?;
            let mut run = FileRun { keeper: &mut keeper, request, file, progress: progress.as_ref() };
            match run.apply().await {
                Ok(None) => {}
                Ok(Some(done)) => {
                    progress.told(MigrationEvent::FileEnds { name: done.name.clone(), duration: done.duration }).await?;
                    applied.push(done);
                }
                Err(Trouble::Work(error)) => return Err(error),
                Err(Trouble::File(failure) | Trouble::GivesWay(failure) | Trouble::EndedTransaction { failure, .. }) => {
                    keeper.release().await;
                    return Err(MigrationError::File { failure: Box::new(failure), applied });
                }
            }
        }
        keeper.release().await;
        Ok(applied)
    }
}

/// One file on its way.
struct FileRun<'a, 'k> {
    keeper: &'a mut Keeper<'k>,
    request: &'a ApplyRequest,
    file: &'a MigrationFile,
    progress: &'a dyn MigrationProgress,
}

impl FileRun<'_, '_> {
    /// `None` where somebody else has applied it meanwhile.
    async fn apply(&mut self) -> Result<Option<AppliedFile>, Trouble> {
        let file = self.file;
        let pieces = split(&file.sql).map_err(|fault| Trouble::File(unreadable(&file.name, &fault)))?;
        let statements = statements(pieces);
        let known = self.known().await?;
        if known.as_ref().is_some_and(|row| row.entry.is_applied()) {
            return Ok(None);
        }
        let began = Instant::now();
        let (reports, duration, attempts) = if file.without_transaction() {
            let reports = Bare::apply(self.keeper, file, &statements, self.request, self.progress).await?;
            (reports, began.elapsed(), 1)
        } else {
            if known.is_some_and(|row| row.entry.done() > 0) {
                return Err(begun_without(file, &self.request.branch).into());
            }
            in_transaction::refuse_control(&file.name, &statements).map_err(Trouble::File)?;
            self.until_it_holds(&statements).await?
        };
        Ok(Some(AppliedFile { version: file.version, name: file.name.clone(), duration, attempts, statements: reports }))
    }

    async fn known(&mut self) -> Result<Option<Row>, MigrationError> {
        let mut transaction = self.keeper.begin(&LEDGER, Hold::Write).await?;
        let row = ledger::find(&mut transaction, self.file.version).await?;
        transaction.commit().await.map_err(|error| from_sql("reading the ledger", error))?;
        match row {
            Some(row) if row.entry.is_applied() && row.entry.checksum != self.file.checksum => {
                Err(refused("migration_changed", format!("version {} is applied here with another text, as '{}'", self.file.version, row.entry.name)))
            }
            row => Ok(row),
        }
    }

    /// Begins again as long as others hold a lock that it needs.
    async fn until_it_holds(&mut self, statements: &[Statement<'_>]) -> Result<(Vec<StatementReport>, Duration, u32), Trouble> {
        let mut tries = Tries::begin(self.keeper.settings.limits);
        loop {
            match self.attempt(statements, &tries).await {
                Ok(reports) => return Ok((reports, tries.began.elapsed(), tries.attempt)),
                Err(Trouble::GivesWay(failure)) if tries.are_left() => {
                    tracing::debug!(file = %failure.file, attempt = tries.attempt, "gave way to a lock");
                    tries.give_way(self.progress).await?;
                }
                Err(Trouble::EndedTransaction { failure, transaction }) => return Err(self.after_the_end(failure, &transaction).await),
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// All of it, with its row of the ledger, in one transaction on a connection of its own.
    async fn attempt(&mut self, statements: &[Statement<'_>], tries: &Tries) -> Result<Vec<StatementReport>, Trouble> {
        let (file, name) = (self.file, self.file.name.as_str());
        let ours = |error| of_file(name, "writing the ledger", error);
        let mut worker = Worker::open(self.keeper).await?;
        worker.wait_for_locks(tries.patience()).await.map_err(ours)?;
        worker.begin().await?;
        self.check(&mut worker).await?;
        ledger::begin(&mut worker.connection, file, statements.len(), &self.request.who).await.map_err(ours)?;
        worker.enter().await.map_err(ours)?;
        let reports = in_transaction::run(&mut worker, name, statements, self.request.observe, self.progress).await?;
        worker.leave().await.map_err(ours)?;
        self.check(&mut worker).await?;
        if !ledger::end(&mut worker.connection, file.version, tries.began.elapsed()).await.map_err(ours)? {
            return Err(row_gone(file).into());
        }
        self.progress.told(MigrationEvent::Commits).await?;
        // What is deferred is checked here.
        worker.run("commit").await.map_err(|error| of_file(name, "at its end", error))?;
        let _ = worker.connection.close().await;
        Ok(reports)
    }

    async fn check(&self, worker: &mut Worker) -> Result<(), Trouble> {
        ledger_guard::check(&mut worker.connection, &LEDGER, self.keeper.target.is_main, Hold::Write).await.map_err(|check| match check {
            Check::Tampered(error) => Trouble::Work(error),
            Check::Sql(error) => of_file(&self.file.name, "looking at the ledger", error),
        })
    }

    /// A file found a way to end its transaction that nobody could read in it. The ledger says that it failed.
    async fn after_the_end(&mut self, failure: FileFailure, transaction: &str) -> Trouble {
        let outcome = async {
            let failure = ended_transaction::clear_up(self.keeper, failure, transaction).await?;
            let mut ledger = self.keeper.begin(&LEDGER, Hold::Write).await?;
            let failed = Progress {
                version: self.file.version,
                done: 0,
                done_checksum: Checksum([0; 32]),
                duration: Duration::ZERO,
                state: "failed",
                detail: Some(&failure.message),
            };
            failed.write(&mut ledger).await.map_err(|error| from_sql("writing the ledger", error))?;
            ledger.commit().await.map_err(|error| from_sql("writing the ledger", error))?;
            Ok(failure)
        };
        match outcome.await {
            Ok(failure) => Trouble::File(failure),
            Err(error) => Trouble::Work(error),
        }
    }
}

fn begun_without(file: &MigrationFile, branch: &Slug) -> MigrationError {
    let forget = RepairAction::Forget.command(file.version, branch);
    refused(
        "changed_under_way",
        format!(
            "'{}' was begun without a transaction, and has lost its mark: put -- fluxbase:no-transaction back; or let the ledger forget it: {forget}",
            file.name
        ),
    )
}
