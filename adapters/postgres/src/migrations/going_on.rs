//! Where a file without a transaction begins, or goes on after a failure or a crash.

use super::{
    execute::Statement,
    failure::refused,
    in_transaction::{Trouble, of_file},
    keeper::Keeper,
    ledger::{self, Row},
    ledger_guard::{Hold, LEDGER},
};
use domain::{
    Slug,
    migration::{Checksum, Held, MigrationFile, RepairAction, Unit, session_of},
};
use ports::driven::{ApplyRequest, FileFailure, MigrationError};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Where a file begins, or goes on.
#[derive(Default)]
pub(super) struct Begun {
    /// What it took in earlier runs.
    pub(super) before: Duration,
    /// Statements that have ended.
    pub(super) done: usize,
    /// Whether the next one was interrupted.
    pub(super) interrupted: bool,
    /// Those that have ended and are to be run again, for what they set.
    pub(super) set_up: Vec<usize>,
    /// Whether it was begun before, so that something of it may be there even where no statement has ended.
    pub(super) again: bool,
}

/// Writes the first line of a file, or finds where it ended.
pub(super) async fn begin(
    keeper: &mut Keeper<'_>,
    file: &MigrationFile,
    statements: &[Statement<'_>],
    units: &[Unit],
    request: &ApplyRequest,
) -> Result<Begun, Trouble> {
    let lost = |error| of_file(&file.name, "writing the ledger", error);
    let mut transaction = keeper.begin(&LEDGER, Hold::Write).await?;
    let row = ledger::find(&mut transaction, file.version).await?;
    let begun = match &row {
        None => Begun::default(),
        Some(row) => {
            let done = usize::try_from(row.entry.done()).unwrap_or(usize::MAX);
            check_begun(file, &request.branch, statements, row, done)?;
            let set_up = set_up(file, &request.branch, statements, units, done).map_err(Trouble::File)?;
            Begun { before: row.entry.duration, done, interrupted: row.interrupted, set_up, again: true }
        }
    };
    ledger::begin(&mut transaction, file, statements.len(), &request.who).await.map_err(lost)?;
    transaction.commit().await.map_err(lost)?;
    Ok(begun)
}

/// What is to be run again so that the file can go on, or what no other session can be given.
fn set_up(file: &MigrationFile, branch: &Slug, statements: &[Statement<'_>], units: &[Unit], done: usize) -> Result<Vec<usize>, FileFailure> {
    let pieces: Vec<_> = statements.iter().map(|statement| &statement.piece).collect();
    let ended = units.iter().take_while(|unit| unit.statements.end <= done).count();
    session_of(&pieces, &units[..ended]).map_err(|(at, held)| session_lost(file, branch, &statements[at], done, held))
}

fn session_lost(file: &MigrationFile, branch: &Slug, statement: &Statement<'_>, done: usize, held: Held) -> FileFailure {
    let what = match held {
        Held::Temporary => "what is temporary",
        Held::Prepared => "a prepared statement",
        Held::Lock => "a lock of its session",
        Held::Cursor => "a cursor",
        Held::Setting => "a setting that cannot be read off it",
    };
    let [applied, forget] = [RepairAction::Applied, RepairAction::Forget].map(|action| action.command(file.version, branch));
    let message = format!(
        "the file stopped after {done} of its statements, and cannot go on: this one made {what}, which went with the connection that it ran over. Put \
         what is left into a new file and take this one as it is: {applied}; or undo what it did and have it run from its beginning: {forget}"
    );
    statement.failure("session_lost", &file.name, message)
}

/// What has run must be what the file still begins with.
fn check_begun(file: &MigrationFile, branch: &Slug, statements: &[Statement<'_>], row: &Row, done: usize) -> Result<(), MigrationError> {
    let same = done == 0 || (done <= statements.len() && row.done_checksum.is_none_or(|sum| sum == checksum(&statements[..done])));
    let same = same && (!row.interrupted || row.entry.checksum == file.checksum);
    if same {
        return Ok(());
    }
    Err(refused(
        "changed_under_way",
        format!(
            "'{}' was changed after {done} of its statements had run: put those back as they were, so that it can go on; or, once you have seen to what \
             they did, let the ledger forget it: {}",
            file.name,
            RepairAction::Forget.command(file.version, branch)
        ),
    ))
}

/// Of what has run.
pub(super) fn checksum(statements: &[Statement<'_>]) -> Checksum {
    let mut hash = Sha256::new();
    for text in statements.iter().flat_map(Statement::text) {
        hash.update(text.replace("\r\n", "\n"));
        hash.update([0]);
    }
    Checksum(hash.finalize().into())
}
