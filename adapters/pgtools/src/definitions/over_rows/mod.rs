//! Indexes and constraints over many rows: several at a time, what takes longest first, each with as much memory as does it good.
//!
//! `pg_restore --jobs` goes by the order of the dump, and keeps every index of a table waiting for a foreign key of that table. Here a statement
//! waits for what it needs, and for whoever has its table; and not for PostgreSQL's locks, so that no connection stands idle in a queue.

use super::{
    arrange::{Arranged, Relations, arrange},
    restore::{self, Restore, Stopped},
};
use crate::{connect::run, copy::server_load::Load, meter::Meter, schema::archive::Entry};
use futures_util::future::{join_all, try_join_all};
use sqlx::PgConnection;
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// How much bigger a table than the memory to sort it in, and the bounds of that. A sort that stays in the processor's cache beats one that keeps more at
/// hand: GIN over 745,000 documents of JSON took 2.2 s with 8 MB and 3.2 s with 64 or 192, a btree over 1.5 million rows 1.0 s and 1.2 s. The bigger the
/// table, the more passes that costs.
const TABLE_TO_MEMORY: u64 = 64;
const LEAST_MEMORY: u64 = 8 * 1024 * 1024;
const MOST_MEMORY: u64 = 192 * 1024 * 1024;

/// To sort a row takes as long as to read so many bytes: a btree over 1.5 million rows of 85 MB took twice as long as one over half as many in 140 MB.
const BYTES_TO_A_ROW: u64 = 1024;

/// A table with rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    pub(super) bytes: u64,
    pub(super) rows: u64,
}

impl Size {
    /// How long it takes to go through it, in rows.
    fn cost(self) -> u64 {
        self.rows.saturating_add(self.bytes / BYTES_TO_A_ROW)
    }
}

/// Builds what belongs to tables with rows, over so many connections. Gives those entries that are there; where some are not, whoever goes on from there finds out
/// why. `sizes`: of the tables, by their entries.
pub(crate) async fn restore(
    (restore, load): (Restore<'_>, &Load),
    entries: &[&Entry],
    relations: &Relations,
    sizes: &HashMap<i64, Size>,
    hands: usize,
) -> HashSet<i64> {
    let mut there = HashSet::new();
    if let Err(error) = try_restore((restore, load), entries, relations, sizes, hands, &mut there).await {
        restore.is_told(&error);
    }
    there
}

async fn try_restore(
    (restore, load): (Restore<'_>, &Load),
    entries: &[&Entry],
    relations: &Relations,
    sizes: &HashMap<i64, Size>,
    hands: usize,
    there: &mut HashSet<i64>,
) -> Result<(), Stopped> {
    let Arranged { first, groups, keys, last } = arrange(entries, relations);
    let (long, quick): (Vec<_>, Vec<_>) = groups.into_iter().flatten().chain(keys).partition(|entry| takes_long(entry));
    let mut branches = try_join_all((0..hands.max(1)).map(|_| restore.connect())).await?;
    there.extend(restore.one_after_the_other(&mut branches[0], &first).await?);

    let board = Board::new(&long, &relations.tables, sizes);
    let board = Shared { board: Mutex::new(board), moved: Notify::new(), hands: branches.len(), meter: restore.meter, load };
    let ends = join_all(branches.iter_mut().map(|branch| board.work(branch))).await;
    there.extend(board.lock().done.iter());
    ends.into_iter().collect::<Result<(), _>>()?;

    there.extend(restore.one_after_the_other(&mut branches[0], &[quick, last].concat()).await?);
    restore::close(branches).await;
    Ok(())
}

fn takes_long(entry: &Entry) -> bool {
    ["CONSTRAINT", "INDEX", "FK CONSTRAINT"].contains(&entry.kind.as_str())
}

/// A statement over the rows of a table.
#[derive(Debug, PartialEq, Eq)]
struct Task<'a> {
    entry: &'a Entry,
    /// Tables that it locks.
    tables: Vec<i64>,
    /// Whether it shares them with nobody. Indexes of one table are built at the same time.
    alone: bool,
    /// Other tasks that come before.
    requires: Vec<i64>,
    /// What it costs, with the longest chain of tasks that wait for it: rows that are gone through, those for the slower access methods several times over.
    weight: u64,
    /// The size of its biggest table.
    bytes: u64,
}

impl Task<'_> {
    /// In bytes.
    fn memory(&self) -> u64 {
        (self.bytes / TABLE_TO_MEMORY).clamp(LEAST_MEMORY, MOST_MEMORY)
    }
}

/// What is still to do, what is at work, and what is done.
#[derive(Debug, Default)]
struct Board<'a> {
    /// The heaviest first.
    waiting: Vec<Task<'a>>,
    running: usize,
    /// Tables at work: by how many, or by one alone.
    busy: HashMap<i64, Use>,
    done: HashSet<i64>,
    failed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Shared(usize),
    Alone,
}

/// What whoever has nothing to do does next.
#[derive(Debug, PartialEq, Eq)]
enum Next<'a> {
    Do(Task<'a>),
    Wait,
    Leave,
}

impl<'a> Board<'a> {
    fn new(entries: &[&'a Entry], tables: &HashSet<i64>, sizes: &HashMap<i64, Size>) -> Self {
        let ids: HashSet<i64> = entries.iter().map(|entry| entry.id).collect();
        let mut weights: HashMap<i64, u64> = HashMap::new();
        let mut waiting: Vec<Task<'_>> = entries
            .iter()
            .rev()
            .map(|&entry| {
                let mut own: Vec<i64> = entry.requires.iter().copied().filter(|id| tables.contains(id)).collect();
                own.sort_unstable();
                own.dedup();
                let size = |table: &i64| sizes.get(table).copied().unwrap_or_default();
                // A foreign key reads both of its tables; the others have one.
                let cost = own.iter().map(|table| size(table).cost()).sum::<u64>().saturating_mul(times(entry));
                let requires: Vec<i64> = entry.requires.iter().copied().filter(|id| ids.contains(id)).collect();
                // Those that need it stand after it in a dump, and so were seen before.
                let weight = cost.saturating_add(weights.get(&entry.id).copied().unwrap_or_default());
                for id in &requires {
                    let behind = weights.entry(*id).or_default();
                    *behind = weight.max(*behind);
                }
                let alone = entry.kind != "INDEX" || entry.definition.contains("ALTER TABLE");
                Task { entry, alone, requires, weight, bytes: own.iter().map(|table| size(table).bytes).max().unwrap_or_default(), tables: own }
            })
            .collect();
        waiting.sort_by_key(|task| (std::cmp::Reverse(task.weight), task.entry.id));
        Self { waiting, ..Self::default() }
    }

    /// The heaviest that needs and disturbs nobody at work.
    fn next(&mut self) -> Next<'a> {
        if self.failed || self.waiting.is_empty() {
            return Next::Leave;
        }
        match self.waiting.iter().position(|task| self.is_free(task)) {
            Some(place) => {
                let task = self.waiting.remove(place);
                for table in &task.tables {
                    let by = match self.busy.get(table) {
                        _ if task.alone => Use::Alone,
                        Some(Use::Shared(by)) => Use::Shared(by + 1),
                        _ => Use::Shared(1),
                    };
                    self.busy.insert(*table, by);
                }
                self.running += 1;
                Next::Do(task)
            }
            // Something that PostgreSQL has in an order we do not see: it is left to others.
            None if self.running == 0 => Next::Leave,
            None => Next::Wait,
        }
    }

    fn is_free(&self, task: &Task<'_>) -> bool {
        task.requires.iter().all(|id| self.done.contains(id))
            && task.tables.iter().all(|table| match self.busy.get(table) {
                None => true,
                Some(Use::Shared(_)) => !task.alone,
                Some(Use::Alone) => false,
            })
    }

    fn ended(&mut self, task: &Task<'_>, well: bool) {
        for table in &task.tables {
            match self.busy.get_mut(table) {
                Some(Use::Shared(by)) if *by > 1 => *by -= 1,
                _ => drop(self.busy.remove(table)),
            }
        }
        self.running -= 1;
        if well {
            self.done.insert(task.entry.id);
        } else {
            self.failed = true;
        }
    }
}

/// How many times as long as a btree an index takes over the same rows. Measured for GIN, a guess for others.
fn times(entry: &Entry) -> u64 {
    match entry.definition.split_once(" USING ").map(|(_, rest)| rest.split(' ').next().unwrap_or_default()) {
        Some("gin" | "gist" | "spgist") => 4,
        Some("hnsw" | "ivfflat") => 40,
        _ => 1,
    }
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
            let outcome = run(branch, statement(&task, few)).await;
            worked = begun.elapsed();
            self.lock().ended(&task, outcome.is_ok());
            self.moved.notify_waiters();
            outcome?;
            self.meter.add(1);
        }
    }
}

/// In one message, and so in one transaction. Where `few` are left to do, other processes may help to sort. (GIN gains little by them, and PostgreSQL 17
/// has none for it.)
fn statement(task: &Task<'_>, few: bool) -> String {
    let helped = few && times(task.entry) == 1;
    let workers = if helped { "default" } else { "0" };
    // Workers share it, and there are none below 32 MB for each.
    let memory = if helped { MOST_MEMORY } else { task.memory() };
    format!("set maintenance_work_mem = '{}kB'; set max_parallel_maintenance_workers = {workers}; {}", memory / 1024, task.entry.definition)
}

#[cfg(test)]
mod tests {
    use super::{Board, Next, Size, statement};
    use crate::schema::archive::Entry;
    use std::collections::{HashMap, HashSet};

    const USERS: i64 = 1;
    const ORDERS: i64 = 2;

    fn entry(id: i64, kind: &str, definition: &str, requires: &[i64]) -> Entry {
        Entry { id, kind: kind.to_owned(), definition: definition.to_owned(), requires: requires.to_vec(), ..Entry::default() }
    }

    fn entries() -> Vec<Entry> {
        vec![
            entry(11, "CONSTRAINT", "ALTER TABLE ONLY users ADD PRIMARY KEY (id);", &[USERS]),
            entry(12, "CONSTRAINT", "ALTER TABLE ONLY orders ADD PRIMARY KEY (id);", &[ORDERS]),
            entry(13, "INDEX", "CREATE INDEX by_owner ON orders USING btree (owner);", &[ORDERS]),
            entry(14, "INDEX", "CREATE INDEX by_text ON orders USING gin (text);", &[ORDERS]),
            entry(15, "FK CONSTRAINT", "ALTER TABLE ONLY orders ADD FOREIGN KEY (owner) REFERENCES users;", &[ORDERS, USERS, 11]),
        ]
    }

    fn board(entries: &[Entry]) -> Board<'_> {
        let sizes = HashMap::from([(USERS, Size { bytes: 1 << 20, rows: 10_000 }), (ORDERS, Size { bytes: 1 << 30, rows: 1_000_000 })]);
        Board::new(&entries.iter().collect::<Vec<_>>(), &HashSet::from([USERS, ORDERS]), &sizes)
    }

    #[test]
    fn the_longest_comes_first_and_nobody_disturbs_another() {
        let entries = entries();
        let mut board = board(&entries);
        let mut at_work = Vec::new();
        let mut order = Vec::new();
        loop {
            match board.next() {
                Next::Do(task) => {
                    order.push(task.entry.id);
                    at_work.push(task);
                    if at_work.len() < 3 {
                        continue;
                    }
                }
                Next::Wait => {}
                Next::Leave => break,
            }
            order.push(0);
            let ended = at_work.remove(0);
            board.ended(&ended, true);
        }
        for task in at_work {
            board.ended(&task, true);
        }
        // GIN and the other table's key; a foreign key waits for both, and for the index that is built meanwhile.
        assert_eq!(order, [14, 11, 13, 0, 0, 0, 15, 0, 12]);
        assert_eq!((board.done.len(), board.running, board.busy.len()), (5, 0, 0));
    }

    #[test]
    fn many_small_rows_take_longer_than_few_big_ones() {
        let entries = [entry(11, "INDEX", "", &[USERS]), entry(12, "INDEX", "", &[ORDERS])];
        let sizes = HashMap::from([(USERS, Size { bytes: 85 << 20, rows: 1_500_000 }), (ORDERS, Size { bytes: 140 << 20, rows: 750_000 })]);
        let board = Board::new(&[&entries[0], &entries[1]], &HashSet::from([USERS, ORDERS]), &sizes);
        assert_eq!(board.waiting.iter().map(|task| task.entry.id).collect::<Vec<_>>(), [11, 12]);
    }

    #[test]
    fn after_a_failure_nothing_new_begins() {
        let entries = entries();
        let mut board = board(&entries);
        let Next::Do(task) = board.next() else { panic!("there is something to do") };
        board.ended(&task, false);
        assert_eq!(board.next(), Next::Leave);
        assert!(board.done.is_empty());
    }

    #[test]
    fn what_can_never_begin_is_left_to_others() {
        let circle = [entry(21, "INDEX", "", &[22]), entry(22, "INDEX", "", &[21])];
        assert_eq!(board(&circle).next(), Next::Leave);
    }

    #[test]
    fn memory_goes_by_size_and_helpers_come_when_hands_are_idle() {
        let entries = entries();
        let mut board = board(&entries);
        let Next::Do(task) = board.next() else { panic!("there is something to do") };
        assert!(statement(&task, false).starts_with("set maintenance_work_mem = '16384kB'; set max_parallel_maintenance_workers = 0; CREATE INDEX"));
        assert_eq!(statement(&task, true), statement(&task, false));
        let Next::Do(task) = board.next() else { panic!("there is more to do") };
        assert!(statement(&task, true).starts_with("set maintenance_work_mem = '196608kB'; set max_parallel_maintenance_workers = default; "));
    }
}
