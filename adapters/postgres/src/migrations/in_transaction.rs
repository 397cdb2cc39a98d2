//! Statements in one transaction, each looked after: whatever a file says, it neither ends its transaction nor leaves its role unseen.

use super::{
    execute::Statement,
    failure::{gives_way, of_statement, sqlstate},
    observe::Observer,
    worker::Worker,
};
use domain::migration::TransactionControl;
use ports::driven::{FileFailure, MigrationError, MigrationEvent, MigrationProgress, StatementReport};
use std::time::{Duration, Instant};

/// How often at most to tell of statements that have ended.
const TELL: Duration = Duration::from_millis(200);

/// The other way out for what ends its transaction.
pub(super) const OR_MARK_IT: &str = ", or mark it -- fluxbase:no-transaction";

/// Why a file did not come to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Something in the file.
    File(FileFailure),
    /// Others hold a lock: it is worth beginning again.
    GivesWay(FileFailure),
    /// It ended its transaction, this one, and what came before may be there for good.
    EndedTransaction { failure: FileFailure, transaction: String },
    /// The connection, or our own statements.
    Work(MigrationError),
}

impl From<MigrationError> for Trouble {
    fn from(error: MigrationError) -> Self {
        Self::Work(error)
    }
}

/// Reads an error of a statement.
pub(super) fn trouble(file: &str, statement: &Statement<'_>, error: sqlx::Error) -> Trouble {
    let waits = gives_way(&error);
    match of_statement(file, statement, error) {
        Ok(failure) if waits => Trouble::GivesWay(failure),
        Ok(failure) => Trouble::File(failure),
        Err(error) => lost(file, error),
    }
}

/// The connection broke while the file ran.
pub(super) fn lost(file: &str, error: sqlx::Error) -> Trouble {
    Trouble::Work(MigrationError::Retryable { message: format!("the connection was lost in '{file}'"), source: Some(error.into()) })
}

/// Reads an error that is about no single statement.
pub(super) fn of_file(file: &str, what: &str, error: sqlx::Error) -> Trouble {
    let Some(refusal) = error.as_database_error() else { return lost(file, error) };
    let waits = gives_way(&error);
    let failure = FileFailure {
        code: if waits { "lock_timeout" } else { "statement_failed" },
        file: file.to_owned(),
        line: None,
        statement: None,
        sqlstate: sqlstate(&error),
        message: format!("{what}: {}", refusal.message()),
    };
    if waits { Trouble::GivesWay(failure) } else { Trouble::File(failure) }
}

/// What is wrong with a file in which a transaction is begun or ended, told before anything of it runs.
pub(super) fn refuse_control(file: &str, statements: &[Statement<'_>]) -> Result<(), FileFailure> {
    match statements.iter().find(|statement| statement.piece.transaction_control().is_some()) {
        None => Ok(()),
        Some(statement) => Err(ends_transaction(file, statement)),
    }
}

fn ends_transaction(file: &str, statement: &Statement<'_>) -> FileFailure {
    let line = statement.line();
    let message = match statement.piece.transaction_control() {
        Some(TransactionControl::Begins) => {
            format!("begins a transaction at line {line}, and is in one already: take BEGIN and COMMIT out{OR_MARK_IT}")
        }
        Some(TransactionControl::Else) => {
            format!("ends its transaction at line {line} in a way that no file can: PREPARE TRANSACTION and AND CHAIN are not run here. Take it out")
        }
        _ => format!("ends its transaction at line {line}: take the statement out{OR_MARK_IT}"),
    };
    statement.failure("ends_transaction", file, message)
}

/// Runs the statements in the transaction that is open and has written something. What they did is the caller's to commit.
pub(super) async fn run(
    worker: &mut Worker,
    file: &str,
    statements: &[Statement<'_>],
    observe: bool,
    progress: &dyn MigrationProgress,
) -> Result<Vec<StatementReport>, Trouble> {
    let failed = |error| of_file(file, "looking after it", error);
    let transaction = worker.place().await.map_err(failed)?.transaction.unwrap_or_default();
    let mut observer = Observer::begin(observe, &mut worker.connection).await.map_err(failed)?;
    let mut reports = Vec::with_capacity(statements.len());
    let mut told = Instant::now();
    for statement in statements {
        let began = Instant::now();
        let rows = statement.run(&mut worker.connection).await.map_err(|error| trouble(file, statement, error))?;
        let duration = began.elapsed();
        worker.keep_to_ours(file, statement).await?;
        let place = worker.place().await.map_err(|error| trouble(file, statement, error))?;
        if place.transaction.as_ref() != Some(&transaction) {
            return Err(Trouble::EndedTransaction { failure: ends_transaction(file, statement), transaction });
        }
        if let Some(failure) = worker.astray(&place, file, statement) {
            return Err(Trouble::File(failure));
        }
        let seen = observer.look(&mut worker.connection).await.map_err(|error| trouble(file, statement, error))?;
        reports.push(StatementReport { line: statement.line(), statement: statement.excerpt(), duration, rows, observed: seen });
        if told.elapsed() >= TELL || reports.len() == statements.len() {
            told = Instant::now();
            progress.told(MigrationEvent::Statements { done: reports.len(), total: statements.len() }).await?;
        }
    }
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::{super::execute::statements, refuse_control};
    use domain::migration::split;

    #[test]
    fn a_file_that_ends_its_transaction_is_told_at_once() {
        let refused = |text: &'static str| refuse_control("1_a.sql", &statements(split(text).unwrap())).map_err(|failure| failure.to_string());
        assert_eq!(
            refused("select 1;\ncommit;"),
            Err("1_a.sql, line 2: ends its transaction at line 2: take the statement out, or mark it -- fluxbase:no-transaction".to_owned())
        );
        for other in ["prepare transaction 'a';", "commit and chain;"] {
            let told = refused(other).unwrap_err();
            assert!(told.ends_with("not run here. Take it out"), "what is marked does not run it either: {told}");
        }
        assert!(refused("begin;\nselect 1;\ncommit;").unwrap_err().contains("begins a transaction at line 1"));
        assert_eq!(refused("savepoint a; rollback to a; do $$ begin commit; end $$;"), Ok(()));
    }
}
