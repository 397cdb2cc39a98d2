//! [`PgSeedRunner`]: seed files in order, each wholly or not at all.

use super::{
    ended_transaction,
    execute::statements,
    failure::{MARK_THE_FILE, OR_BEGIN_ANOTHER, from_sql, refused, unreadable, unreadable_at},
    in_transaction::{self, OR_MARK_IT, Trouble, of_file},
    keeper::{Keeper, has_table},
    ledger_guard::{self, Check, Hold, SEEDS},
    seed_csv::Csv,
    seed_encoding::{self, NotUtf8},
    seed_folder, seed_log,
    settings::MigrationSettings,
    tries::Tries,
    worker::Worker,
};
use async_trait::async_trait;
use domain::migration::{Checksum, PieceKind, SeedKind, split};
use ports::driven::{
    DatabasePlace, FileFailure, MigrationError, MigrationEvent, MigrationProgress, SeedFile, SeedReport, SeedRequest, SeedRunner, SownFile,
};
use sha2::{Digest, Sha256};
use sqlx::Connection;
use std::sync::Arc;
use tokio::{fs::File, io::AsyncReadExt};

/// Runs seed files on one PostgreSQL server.
#[derive(Debug)]
pub struct PgSeedRunner {
    settings: MigrationSettings,
}

impl PgSeedRunner {
    /// A runner; nothing is connected before there is something to do.
    pub fn new(settings: MigrationSettings) -> Self {
        Self { settings }
    }
}

#[async_trait]
impl SeedRunner for PgSeedRunner {
    async fn find(&self, only: Option<Vec<String>>) -> Result<Vec<SeedFile>, MigrationError> {
        seed_folder::find(&self.settings.seeds_dir, only).await
    }

    async fn log(&self, target: &DatabasePlace) -> Result<Vec<SownFile>, MigrationError> {
        let mut connection = self.settings.connect(target, None).await?;
        if !has_table(&mut connection, &SEEDS).await? {
            return Ok(Vec::new());
        }
        let mut transaction = connection.begin().await.map_err(|error| from_sql("beginning", error))?;
        ledger_guard::check(&mut transaction, &SEEDS, target.is_main, Hold::Read).await?;
        let log = seed_log::list(&mut transaction).await?;
        let _ = transaction.commit().await;
        let _ = connection.close().await;
        Ok(log)
    }

    #[tracing::instrument(name = "seeds.run", skip_all, fields(database = %request.target.database, files = request.files.len()))]
    async fn seed(&self, request: &SeedRequest, progress: Arc<dyn MigrationProgress>) -> Result<Vec<SeedReport>, MigrationError> {
        let reports = self.run(request, progress).await;
        self.settings.restore_logins(&request.target).await;
        reports
    }
}

impl PgSeedRunner {
    async fn run(&self, request: &SeedRequest, progress: Arc<dyn MigrationProgress>) -> Result<Vec<SeedReport>, MigrationError> {
        let mut keeper = Keeper::take(&self.settings, &request.target, request.operation).await?;
        let mut reports = Vec::with_capacity(request.files.len());
        for (at, file) in request.files.iter().enumerate() {
            progress.told(MigrationEvent::FileBegins { name: file.seed.name.clone(), number: at + 1, total: request.files.len() }).await?;
            let mut run = SeedRun { keeper: &mut keeper, request, file, progress: progress.as_ref() };
            match run.sow().await {
                Ok(report) => {
                    progress.told(MigrationEvent::FileEnds { name: report.name.clone(), duration: report.duration }).await?;
                    reports.push(report);
                }
                Err(Trouble::Work(error)) => return Err(error),
                Err(Trouble::File(failure) | Trouble::GivesWay(failure) | Trouble::EndedTransaction { failure, .. }) => {
                    keeper.release().await;
                    return Err(MigrationError::File { failure: Box::new(of_a_seed(failure)), applied: Vec::new() });
                }
            }
        }
        keeper.release().await;
        Ok(reports)
    }
}

/// What migrations may be marked with is no way out for a seed.
fn of_a_seed(failure: FileFailure) -> FileFailure {
    let into_a_migration = ": seeds run in a transaction, each wholly or not at all; put this into a migration";
    FileFailure { message: failure.message.replace(MARK_THE_FILE, into_a_migration).replace(OR_MARK_IT, "").replace(OR_BEGIN_ANOTHER, ""), ..failure }
}

/// One file on its way.
struct SeedRun<'a, 'k> {
    keeper: &'a mut Keeper<'k>,
    request: &'a SeedRequest,
    file: &'a SeedFile,
    progress: &'a dyn MigrationProgress,
}

/// What a file was when it was looked at.
struct Looked {
    checksum: Checksum,
    bytes: u64,
}

impl SeedRun<'_, '_> {
    fn name(&self) -> &str {
        &self.file.seed.name
    }

    async fn sow(&mut self) -> Result<SeedReport, Trouble> {
        let looked = self.look().await?;
        let last = seed_log::last_run(self.keeper, &self.file.seed.name).await?;
        let name = self.name().to_owned();
        if !self.request.force && last.as_deref() == Some(looked.checksum.0.as_slice()) {
            return Ok(SeedReport { name, rows: 0, duration: std::time::Duration::ZERO, unchanged: true });
        }
        // Where everything is sown anew, the log may have come along from another branch, without its rows.
        let again = last.is_some() && !self.request.force;
        let mut tries = Tries::begin(self.keeper.settings.limits);
        loop {
            match self.attempt(&looked, again, &tries).await {
                Ok(rows) => return Ok(SeedReport { name, rows, duration: tries.began.elapsed(), unchanged: false }),
                Err(Trouble::GivesWay(_)) if tries.are_left() => tries.give_way(self.progress).await?,
                Err(Trouble::EndedTransaction { failure, transaction }) => {
                    return Err(Trouble::File(ended_transaction::clear_up(self.keeper, failure, &transaction).await?));
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    async fn attempt(&mut self, looked: &Looked, again: bool, tries: &Tries) -> Result<u64, Trouble> {
        let name = self.name();
        let ours = |error| of_file(name, "writing the log of seeds", error);
        let mut worker = Worker::open(self.keeper).await?;
        worker.wait_for_locks(tries.patience()).await.map_err(ours)?;
        worker.begin().await?;
        self.check(&mut worker).await?;
        seed_log::begin(&mut worker.connection, name, &looked.checksum, &self.request.who).await.map_err(ours)?;
        worker.enter().await.map_err(ours)?;
        let rows = match &self.file.seed.kind {
            SeedKind::Sql => self.run_sql(&mut worker, looked).await?,
            SeedKind::Csv { schema, table } => {
                let Looked { checksum, bytes } = *looked;
                let csv = Csv { name, path: &self.file.path, schema: schema.as_deref(), table, checksum, bytes, again };
                csv.sow(&mut worker, self.progress).await?
            }
        };
        worker.leave().await.map_err(ours)?;
        self.check(&mut worker).await?;
        if !seed_log::end(&mut worker.connection, name, rows, tries.began.elapsed()).await.map_err(ours)? {
            return Err(Trouble::Work(refused("ledger_tampered", format!("'{name}' took its own row out of fluxbase_migrations.seeds"))));
        }
        self.progress.told(MigrationEvent::Commits).await?;
        worker.run("commit").await.map_err(|error| of_file(name, "at its end", error))?;
        Ok(rows)
    }

    async fn run_sql(&self, worker: &mut Worker, looked: &Looked) -> Result<u64, Trouble> {
        if looked.bytes > self.keeper.settings.limits.max_sql_bytes {
            let most = self.keeper.settings.limits.max_sql_bytes;
            return Err(self.failure("too_large", format!("SQL seeds may have {most} bytes: put rows into CSV files, which may be of any size")));
        }
        let bytes = tokio::fs::read(&self.file.path).await.map_err(|error| self.unreadable(&error))?;
        if Checksum(Sha256::digest(&bytes).into()) != looked.checksum {
            return Err(self.failure("changed_under_way", "the file was changed while it was read: run it again".to_owned()));
        }
        let text = seed_encoding::whole_text(&bytes)
            .map_err(|NotUtf8 { line, message }| Trouble::File(unreadable_at(self.name(), line, message.to_owned())))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let pieces = split(text).map_err(|fault| Trouble::File(unreadable(self.name(), &fault)))?;
        let mut statements = statements(pieces);
        self.leave_out_unknown_settings(worker, &mut statements).await?;
        in_transaction::refuse_control(self.name(), &statements).map_err(Trouble::File)?;
        let reports = in_transaction::run(worker, self.name(), &statements, false, self.progress).await?;
        let writes = statements.iter().zip(&reports).filter(|(statement, _)| {
            let words = ["insert", "update", "delete", "merge", "copy", "with"];
            statement.piece.kind == PieceKind::CopyFromStdin || statement.piece.words.first().is_some_and(|word| words.contains(&word.as_str()))
        });
        Ok(writes.map(|(_, report)| report.rows).sum())
    }

    /// What a newer `pg_dump` sets, an older server does not know.
    async fn leave_out_unknown_settings(&self, worker: &mut Worker, statements: &mut Vec<super::execute::Statement<'_>>) -> Result<(), Trouble> {
        let newer = |statement: &super::execute::Statement<'_>| statement.piece.begins_with(&["set", "transaction_timeout"]);
        if !statements.iter().any(newer) {
            return Ok(());
        }
        let known: bool = sqlx::query_scalar("select pg_catalog.current_setting('transaction_timeout', true) is not null")
            .persistent(false)
            .fetch_one(&mut worker.connection)
            .await
            .map_err(|error| of_file(self.name(), "looking at settings", error))?;
        if !known {
            statements.retain(|statement| !newer(statement));
        }
        Ok(())
    }

    async fn look(&self) -> Result<Looked, Trouble> {
        let mut file = File::open(&self.file.path).await.map_err(|error| self.unreadable(&error))?;
        let mut hash = Sha256::new();
        let mut chunk = vec![0; 256 * 1024];
        let mut bytes = 0;
        loop {
            let read = file.read(&mut chunk).await.map_err(|error| self.unreadable(&error))?;
            if read == 0 {
                return Ok(Looked { checksum: Checksum(hash.finalize().into()), bytes });
            }
            hash.update(&chunk[..read]);
            bytes += read as u64;
        }
    }

    async fn check(&self, worker: &mut Worker) -> Result<(), Trouble> {
        ledger_guard::check(&mut worker.connection, &SEEDS, self.keeper.target.is_main, Hold::Write).await.map_err(|check| match check {
            Check::Tampered(error) => Trouble::Work(error),
            Check::Sql(error) => of_file(self.name(), "looking at the log of seeds", error),
        })
    }

    fn failure(&self, code: &'static str, message: String) -> Trouble {
        Trouble::File(FileFailure { code, file: self.name().to_owned(), line: None, statement: None, sqlstate: None, message })
    }

    fn unreadable(&self, error: &std::io::Error) -> Trouble {
        self.failure("unreadable", format!("the file cannot be read: {error}"))
    }
}
