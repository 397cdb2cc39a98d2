//! Indexes, constraints and statistics over many rows: several at a time, what takes longest first, each with as much memory as does it good.
//!
//! `pg_restore --jobs` goes by the order of the dump, and keeps every index of a table waiting for a foreign key of that table. Here a statement
//! waits for what it needs, and for whoever has its table; and not for PostgreSQL's locks, so that no connection stands idle in a queue.

mod board;
mod cost;
mod looks;

use super::{
    arrange::{Arranged, Relations, arrange},
    restore::{self, Restore, Stopped},
};
use crate::{connect::run, copy::server_load::Load, error::sql_state, meter::Meter, schema::archive::Entry};
use board::{Board, Next, Task};
pub(super) use cost::Size;
use cost::{Kind, Memory};
use futures_util::future::{join_all, try_join_all};
pub(super) use looks::Copied;
use sqlx::PgConnection;
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// Builds what belongs to tables with rows, and looks through those of which everything is there, over so many connections. Gives those entries and looks that are
/// done; where some are not, whoever goes on from there finds out why.
pub(super) async fn restore(
    (restore, load): (Restore<'_>, &Load),
    entries: &[&Entry],
    relations: &Relations,
    copied: &[Copied<'_>],
    hands: usize,
) -> HashSet<i64> {
    let mut there = HashSet::new();
    if let Err(error) = try_restore((restore, load), entries, relations, copied, hands, &mut there).await {
        restore.is_told(&error);
    }
    there
}

async fn try_restore(
    (restore, load): (Restore<'_>, &Load),
    entries: &[&Entry],
    relations: &Relations,
    copied: &[Copied<'_>],
    hands: usize,
    there: &mut HashSet<i64>,
) -> Result<(), Stopped> {
    let Arranged { first, groups, keys, last } = arrange(entries, relations);
    let (mut long, quick): (Vec<_>, Vec<_>) = groups.into_iter().flatten().partition(|entry| takes_long(entry));
    let looks = looks::entries(copied, entries, &long);
    let keys = looks::before_keys(&looks, &keys);
    long.extend(looks.iter().chain(&keys));
    let mut branches = try_join_all((0..hands.max(1)).map(|_| restore.connect())).await?;
    restore.one_after_the_other(&mut branches[0], &first, there).await?;

    let board = Board::new(&long, &relations.tables, &copied.iter().map(|copied| (copied.id, copied.size())).collect());
    let board = Shared { board: Mutex::new(board), moved: Notify::new(), hands: branches.len(), meter: restore.meter, load };
    let ends = join_all(branches.iter_mut().map(|branch| board.work(branch))).await;
    there.extend(board.lock().done.iter());
    ends.into_iter().collect::<Result<(), _>>()?;

    restore.one_after_the_other(&mut branches[0], &[quick, last].concat(), there).await?;
    restore::close(branches).await;
    Ok(())
}

fn takes_long(entry: &Entry) -> bool {
    ["CONSTRAINT", "INDEX"].contains(&entry.kind.as_str())
}

/// The board, and those around it.
struct Shared<'a> {
    board: Mutex<Board<'a>>,
    moved: Notify,
    hands: usize,
    meter: &'a Meter,
    load: &'a Load,
}

impl<'a> Shared<'a> {
    fn lock(&self) -> MutexGuard<'_, Board<'a>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does one after the other until nothing is left.
    async fn work(&self, branch: &mut PgConnection) -> Result<(), sqlx::Error> {
        run(branch, restore::session_settings()).await?;
        let mut worked = Duration::ZERO;
        loop {
            // Before the look at the board: what moves in between is heard.
            let moved = self.moved.notified();
            let (next, few) = {
                let mut board = self.lock();
                let next = board.next();
                (next, board.running + board.waiting.len() < self.hands)
            };
            let task = match next {
                Next::Do(task) => task,
                Next::Wait => {
                    moved.await;
                    continue;
                }
                Next::Leave => return Ok(()),
            };
            self.load.rest_after(std::mem::take(&mut worked)).await;
            let begun = Instant::now();
            let mut outcome = run(branch, statement(&task, few)).await;
            if few && task.kind.shared_memory(task.bytes).is_some() && outcome.as_ref().is_err_and(has_no_room) {
                outcome = run(branch, statement(&task, false)).await;
            }
            worked = begun.elapsed();
            self.lock().ended(&task, outcome.is_ok());
            self.moved.notify_waiters();
            outcome?;
            self.meter.add(u64::from(task.kind != Kind::Look));
        }
    }
}

/// Memory that several processes share is a file of its own, and in a container there may be little room for it.
fn has_no_room(error: &sqlx::Error) -> bool {
    matches!(sql_state(error).as_deref(), Some("53100" | "53200"))
}

/// In one message, and so in one transaction. Where `few` are left to do, other processes may help.
fn statement(task: &Task<'_>, few: bool) -> String {
    let shared = task.kind.shared_memory(task.bytes).filter(|_| few);
    let workers = if shared.is_some() { "default" } else { "0" };
    let memory = match shared.unwrap_or_else(|| task.kind.memory(task.bytes)) {
        Memory::Exactly(bytes) => format!("set maintenance_work_mem = '{}kB'", bytes / 1024),
        Memory::AtLeast(bytes) => restore::memory_at_least(bytes),
    };
    let definition = &task.entry.definition;
    format!("{memory}; set max_parallel_maintenance_workers = {workers}; set max_parallel_workers_per_gather = {workers}; {definition}")
}

#[cfg(test)]
mod tests {
    use super::{
        board::{Next, tests},
        cost::Kind,
        statement,
    };

    #[test]
    fn memory_goes_by_size_and_helpers_come_when_hands_are_idle() {
        let entries = tests::entries();
        let mut board = tests::board(&entries);
        let Next::Do(task) = board.next() else { panic!("there is something to do") };
        assert!(statement(&task, false).starts_with(
            "set maintenance_work_mem = '16384kB'; set max_parallel_maintenance_workers = 0; set max_parallel_workers_per_gather = 0; CREATE INDEX"
        ));
        assert_eq!(statement(&task, true), statement(&task, false));
        let Next::Do(mut task) = board.next() else { panic!("there is more to do") };
        assert!(statement(&task, true).starts_with("set maintenance_work_mem = '196608kB'; set max_parallel_maintenance_workers = default; "));
        task.kind = Kind::Neighbours;
        assert!(statement(&task, false).contains("greatest(setting::int8, 196608)"));
    }
}
