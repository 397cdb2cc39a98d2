//! Files marked `-- fluxbase:no-transaction`: statement by statement, so that after a failure or a crash they go on where they ended.
//!
//! A statement runs in a transaction with its line in the ledger wherever PostgreSQL lets it, and then either both are there or neither. What refuses
//! that (building an index concurrently, VACUUM, a procedure that commits) is told to the ledger before and after, and in between nobody can be sure.

use super::{
    ended_transaction,
    execute::Statement,
    failure::{HAS_BEGUN, MARK_THE_FILE, OR_BEGIN_ANOTHER, refused, sqlstate, wants_no_transaction},
    going_on::{Begun, begin, checksum},
    in_transaction::{self, OR_MARK_IT, Trouble, of_file, trouble},
    index,
    keeper::{BARE, Keeper},
    ledger::{self, Progress, STARTED},
    ledger_guard::{Hold, LEDGER},
    observe::Observer,
    tries::Tries,
    worker::Worker,
};
use domain::{
    Slug,
    migration::{IndexBuild, Interrupted, MigrationFile, Reindex, RepairAction, Unit, units},
};
use ports::driven::{ApplyRequest, FileFailure, MigrationError, MigrationEvent, MigrationProgress, Observed, StatementReport};
use std::time::{Duration, Instant};

/// A file on its way.
pub(super) struct Bare<'a, 'k> {
    keeper: &'a mut Keeper<'k>,
    worker: Worker,
    file: &'a MigrationFile,
    branch: &'a Slug,
    statements: &'a [Statement<'a>],
    progress: &'a dyn MigrationProgress,
    /// What it took in earlier runs.
    before: Duration,
    began: Instant,
    /// Whether to look at what statements lock and write anew.
    observe: bool,
    /// Whether something may be there although no statement has ended: of an earlier run, or of one that no transaction held, or that ended the one it was in.
    leaves_traces: bool,
    reports: Vec<StatementReport>,
}

impl<'a, 'k> Bare<'a, 'k> {
    /// Runs what has not run yet.
    pub(super) async fn apply(
        keeper: &'a mut Keeper<'k>,
        file: &'a MigrationFile,
        statements: &'a [Statement<'a>],
        request: &'a ApplyRequest,
        progress: &'a dyn MigrationProgress,
    ) -> Result<Vec<StatementReport>, Trouble> {
        let pieces: Vec<_> = statements.iter().map(|statement| &statement.piece).collect();
        let units = units(&pieces).map_err(|at| Trouble::File(unbalanced(file, &statements[at])))?;
        let Begun { before, done, interrupted, set_up, again } = begin(keeper, file, statements, &units, request).await?;
        let mut worker = Worker::open(keeper).await?;
        // Of a runner that was killed, the statement may still be at work.
        worker.hold(BARE).await?;
        worker.enter().await.map_err(|error| of_file(&file.name, "entering", error))?;
        let branch = &request.branch;
        let mut bare = Self {
            keeper,
            worker,
            file,
            branch,
            statements,
            progress,
            before,
            began: Instant::now(),
            observe: request.observe,
            leaves_traces: again,
            reports: Vec::new(),
        };
        if let Err(trouble) = bare.set_up(&set_up).await {
            if let Trouble::File(failure) = &trouble {
                bare.record(done, "failed", Some(&failure.clone().without_values().to_string())).await?;
            }
            return Err(trouble);
        }
        for unit in &units {
            if unit.statements.end <= done {
                continue;
            }
            if interrupted && unit.statements.start == done && bare.has_run(&statements[done]).await? {
                bare.record(done + 1, "running", None).await?;
                continue;
            }
            bare.unit(unit).await?;
            progress.told(MigrationEvent::Statements { done: unit.statements.end, total: statements.len() }).await?;
        }
        bare.end().await
    }

    /// Says again what statements that have run over an earlier connection have set.
    async fn set_up(&mut self, again: &[usize]) -> Result<(), Trouble> {
        for at in again {
            let statement = &self.statements[*at];
            statement.run(&mut self.worker.connection).await.map_err(|error| trouble(&self.file.name, statement, error))?;
            self.worker.keep_to_ours(&self.file.name, statement).await?;
        }
        Ok(())
    }

    async fn unit(&mut self, unit: &Unit) -> Result<(), Trouble> {
        let mut tries = Tries::begin(self.keeper.settings.limits);
        let told = self.reports.len();
        loop {
            self.worker.wait_for_locks(tries.patience()).await.map_err(|error| of_file(&self.file.name, "preparing to wait", error))?;
            let outcome = if unit.block { self.block(unit).await } else { self.single(unit.statements.start).await };
            match outcome {
                Err(Trouble::GivesWay(_)) if tries.are_left() => {
                    self.back_out().await?;
                    self.reports.truncate(told);
                    tries.give_way(self.progress).await?;
                }
                Err(Trouble::GivesWay(failure) | Trouble::File(failure)) => {
                    self.back_out().await?;
                    let failure = of_a_marked_file(failure, unit);
                    self.fails(unit.statements.start, &failure).await?;
                    return Err(Trouble::File(failure));
                }
                outcome => return outcome,
            }
        }
    }

    /// Tells the ledger that it failed after so many statements; where nothing of it is there, it was never begun, and stands in no other file's way.
    async fn fails(&mut self, done: usize, failure: &FileFailure) -> Result<(), Trouble> {
        if done > 0 || self.leaves_traces {
            return self.record(done, "failed", Some(&failure.clone().without_values().to_string())).await;
        }
        ledger::forget(&mut self.keeper.connection, self.file.version).await.map_err(|error| of_file(&self.file.name, "writing the ledger", error))
    }

    /// Each statement is there for good by itself: whoever has lost the work to another runs no more of them.
    async fn still_ours(&self) -> Result<(), MigrationError> {
        self.progress.told(MigrationEvent::Commits).await
    }

    /// Out of whatever transaction is open.
    async fn back_out(&mut self) -> Result<(), Trouble> {
        self.worker.run("rollback").await.map_err(|error| of_file(&self.file.name, "rolling back", error))
    }

    /// One statement with its line in the ledger, where it lets itself.
    async fn single(&mut self, at: usize) -> Result<(), Trouble> {
        let statement = &self.statements[at];
        let name = &self.file.name;
        self.worker.begin().await?;
        self.progress(at + 1, "running", None)
            .write(&mut self.worker.connection)
            .await
            .map_err(|error| of_file(name, "writing the ledger", error))?;
        let failed = |error| trouble(name, statement, error);
        let mut observer = Observer::begin(self.observe, &mut self.worker.connection).await.map_err(failed)?;
        let began = Instant::now();
        let rows = match statement.run(&mut self.worker.connection).await {
            Ok(rows) => rows,
            Err(error) if wants_no_transaction(&error) => {
                self.back_out().await?;
                return self.alone(at).await;
            }
            Err(error) => return Err(failed(error)),
        };
        let duration = began.elapsed();
        self.worker.keep_to_ours(name, statement).await?;
        let seen = observer.look(&mut self.worker.connection).await.map_err(failed)?;
        // Before it is there for good.
        self.settle(statement, duration, rows, seen).await?;
        self.still_ours().await?;
        // A notification that it listens to would come before the answer.
        self.worker.run("unlisten *; commit").await.map_err(failed)
    }

    /// One statement that no transaction holds.
    async fn alone(&mut self, at: usize) -> Result<(), Trouble> {
        let statement = &self.statements[at];
        self.still_ours().await?;
        self.clear_way(statement).await.map_err(|error| trouble(&self.file.name, statement, error))?;
        let failed = |error| trouble(&self.file.name, statement, error);
        let mut observer = Observer::begin(self.observe, &mut self.worker.connection).await.map_err(failed)?;
        self.record(at, "running", Some(STARTED)).await?;
        self.leaves_traces |= Interrupted::of(&statement.piece) == Interrupted::Unknown;
        let began = Instant::now();
        // It waits for others without holding anybody up, and would be cut off for nothing.
        let patient = statement.piece.words.iter().any(|word| word == "concurrently");
        let ran = if patient { self.patiently(statement).await } else { statement.run(&mut self.worker.connection).await };
        let duration = began.elapsed();
        let ended = match ran {
            Ok(rows) => self.look_after(statement).await.map(|()| rows),
            Err(error) => Err(failed(error)),
        };
        match ended {
            Ok(rows) => {
                self.record(at + 1, "running", None).await?;
                let looked = observer.look_after(statement.piece.body, &mut self.worker.connection).await;
                let seen = looked.map_err(|error| trouble(&self.file.name, statement, error))?;
                self.settle(statement, duration, rows, seen).await
            }
            Err(trouble) => {
                if !matches!(trouble, Trouble::Work(_)) {
                    // It is known to have failed, so nothing is unsure any more.
                    self.record(at, "running", None).await?;
                    let _ = self.clear_way(statement).await;
                }
                Err(trouble)
            }
        }
    }

    /// An index that it was to build is there, and of use; and our own settings hold.
    async fn look_after(&mut self, statement: &Statement<'_>) -> Result<(), Trouble> {
        self.worker.keep_to_ours(&self.file.name, statement).await?;
        let Some(build) = IndexBuild::read(statement.piece.body) else { return Ok(()) };
        let Some(name) = build.name.as_deref() else { return Ok(()) };
        let invalid = index::is_invalid(&mut self.worker.connection, &build).await;
        if !invalid.map_err(|error| trouble(&self.file.name, statement, error))? {
            return Ok(());
        }
        let message = format!(
            "the index '{name}' is there and invalid, so nothing was built: somebody else builds it now, or it is another table's. Try again when they are \
             done; or drop it, or give this one another name"
        );
        Err(Trouble::File(statement.failure("index_invalid", &self.file.name, message)))
    }

    /// Without a limit to waiting for locks.
    async fn patiently(&mut self, statement: &Statement<'_>) -> Result<u64, sqlx::Error> {
        let connection = &mut self.worker.connection;
        let limit: String =
            sqlx::query_scalar("select pg_catalog.current_setting('lock_timeout')").persistent(false).fetch_one(&mut *connection).await?;
        sqlx::raw_sql("set lock_timeout = 0").execute(&mut *connection).await?;
        let ran = statement.run(&mut *connection).await;
        let back = sqlx::query("select pg_catalog.set_config('lock_timeout', $1, false)").bind(limit).persistent(false).execute(connection).await;
        let rows = ran?;
        back.map(|_| rows)
    }

    /// Drops what an earlier try has left: of the index that it builds, or of the copies that it makes of indexes.
    async fn clear_way(&mut self, statement: &Statement<'_>) -> Result<(), sqlx::Error> {
        let indexes = if let Some(build) = IndexBuild::read(statement.piece.body) {
            let mut indexes = index::of_table(&mut self.worker.connection, &build).await?;
            indexes.retain(|index| index.is_of(&build));
            indexes
        } else if let Some(reindex) = Reindex::read(statement.piece.body) {
            index::copies(&mut self.worker.connection, &reindex).await?
        } else {
            return Ok(());
        };
        index::drop_invalid(&mut self.worker.connection, &indexes).await
    }

    /// What the file itself puts between BEGIN and COMMIT.
    async fn block(&mut self, unit: &Unit) -> Result<(), Trouble> {
        let began = Instant::now();
        let name = self.file.name.clone();
        let (first, last) = (unit.statements.start, unit.statements.end - 1);
        self.statements[first].run(&mut self.worker.connection).await.map_err(|error| trouble(&name, &self.statements[first], error))?;
        let inside = self.begin_block(&self.statements[first + 1..last]).await?;
        let progress = self.progress(unit.statements.end, "running", None);
        progress.write(&mut self.worker.connection).await.map_err(|error| of_file(&name, "writing the ledger", error))?;
        match in_transaction::run(&mut self.worker, &name, inside, self.observe, self.progress).await {
            Ok(reports) => self.reports.extend(reports),
            Err(Trouble::EndedTransaction { failure, transaction }) => {
                self.leaves_traces = true;
                return Err(Trouble::File(ended_transaction::clear_up(self.keeper, failure, &transaction).await?));
            }
            Err(trouble) => return Err(trouble),
        }
        self.still_ours().await?;
        let end = &self.statements[last];
        self.worker.run("unlisten *").await.map_err(|error| trouble(&name, end, error))?;
        end.run(&mut self.worker.connection).await.map_err(|error| trouble(&name, end, error))?;
        // After a ROLLBACK the ledger has to be told again.
        let duration = began.elapsed();
        self.record(unit.statements.end, "running", None).await?;
        self.settle(end, duration, 0, None).await
    }

    /// What has to be said before any query, and so before the ledger is written. Gives what is left.
    async fn begin_block<'s>(&mut self, inside: &'s [Statement<'s>]) -> Result<&'s [Statement<'s>], Trouble> {
        let said = inside.iter().take_while(|statement| statement.piece.comes_before_any_query()).count();
        for statement in &inside[..said] {
            let began = Instant::now();
            statement.run(&mut self.worker.connection).await.map_err(|error| trouble(&self.file.name, statement, error))?;
            let (line, excerpt, duration) = (statement.line(), statement.excerpt(), began.elapsed());
            self.reports.push(StatementReport { line, statement: excerpt, duration, rows: 0, observed: None });
        }
        Ok(&inside[said..])
    }

    /// The statement has ended: it must have left neither the role nor UTF-8.
    async fn settle(&mut self, statement: &Statement<'_>, duration: Duration, rows: u64, observed: Option<Observed>) -> Result<(), Trouble> {
        let place = self.worker.place().await.map_err(|error| trouble(&self.file.name, statement, error))?;
        if let Some(failure) = self.worker.astray(&place, &self.file.name, statement) {
            return Err(Trouble::File(failure));
        }
        self.reports.push(StatementReport { line: statement.line(), statement: statement.excerpt(), duration, rows, observed });
        Ok(())
    }

    fn progress<'p>(&self, done: usize, state: &'static str, detail: Option<&'p str>) -> Progress<'p> {
        Progress {
            version: self.file.version,
            done,
            done_checksum: checksum(&self.statements[..done]),
            duration: self.before + self.began.elapsed(),
            state,
            detail,
        }
    }

    /// Tells the ledger over the keeper's connection, where nothing that the file has set holds.
    async fn record(&mut self, done: usize, state: &'static str, detail: Option<&str>) -> Result<(), Trouble> {
        let progress = self.progress(done, state, detail);
        progress.write(&mut self.keeper.connection).await.map_err(|error| of_file(&self.file.name, "writing the ledger", error))
    }

    /// Whether the statement that was interrupted ran to its end.
    async fn has_run(&mut self, statement: &Statement<'_>) -> Result<bool, Trouble> {
        let failed = |error| trouble(&self.file.name, statement, error);
        match Interrupted::of(&statement.piece) {
            Interrupted::Index(build) => {
                let indexes = index::of_table(&mut self.worker.connection, &build).await.map_err(failed)?;
                Ok(indexes.iter().any(|index| index.is_of(&build) && index.is_valid()))
            }
            Interrupted::Repeat => Ok(false),
            Interrupted::RepeatUnlessGone => {
                self.still_ours().await?;
                match statement.run(&mut self.worker.connection).await {
                    Ok(_) => Ok(true),
                    Err(error) if matches!(sqlstate(&error).as_deref(), Some("42704" | "42P01")) => Ok(true),
                    Err(error) => Err(failed(error)),
                }
            }
            Interrupted::Unknown => Err(Trouble::File(unsure(self.file, self.branch, statement))),
        }
    }

    async fn end(mut self) -> Result<Vec<StatementReport>, Trouble> {
        let duration = self.before + self.began.elapsed();
        let lost = |error| of_file(&self.file.name, "ending it", error);
        let mut transaction = self.keeper.begin(&LEDGER, Hold::Write).await?;
        let ended = ledger::end(&mut transaction, self.file.version, duration).await.map_err(lost)?;
        transaction.commit().await.map_err(lost)?;
        if ended { Ok(std::mem::take(&mut self.reports)) } else { Err(row_gone(self.file).into()) }
    }
}

pub(super) fn row_gone(file: &MigrationFile) -> MigrationError {
    refused("ledger_tampered", format!("'{}' took its own row out of fluxbase_migrations.ledger", file.name))
}

/// What is marked already is told another way out.
fn of_a_marked_file(failure: FileFailure, unit: &Unit) -> FileFailure {
    let out_of_block = if unit.block { ": take it out from between BEGIN and COMMIT" } else { "" };
    let message = failure.message.replace(OR_BEGIN_ANOTHER, "").replace(HAS_BEGUN, ": put it right behind a BEGIN of the file's own");
    FileFailure { message: message.replace(MARK_THE_FILE, out_of_block).replace(OR_MARK_IT, ""), ..failure }
}

fn unbalanced(file: &MigrationFile, statement: &Statement<'_>) -> FileFailure {
    let message = "BEGIN and COMMIT or ROLLBACK must come in pairs, none within another; PREPARE TRANSACTION and AND CHAIN are not run here";
    statement.failure("ends_transaction", &file.name, message)
}

fn unsure(file: &MigrationFile, branch: &Slug, statement: &Statement<'_>) -> FileFailure {
    let [done, not_done] = [RepairAction::Done, RepairAction::NotDone].map(|action| action.command(file.version, branch));
    let message = format!(
        "this statement was interrupted, and nobody can tell whether it ran to its end. Look, then say so: {done} to go on after it; {not_done} to run it \
         again"
    );
    statement.failure("interrupted", &file.name, message)
}
