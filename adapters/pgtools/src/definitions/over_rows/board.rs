//! What is still to be done to rows, what is at work and what is done: hands out what takes longest among what needs and disturbs nobody at work.

use super::cost::{Kind, Size};
use crate::schema::archive::Entry;
use std::collections::{HashMap, HashSet};

/// A statement over the rows of a table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Task<'a> {
    pub(super) entry: &'a Entry,
    pub(super) kind: Kind,
    /// Tables that it locks.
    tables: Vec<i64>,
    /// Whether it shares them with nobody. Indexes of one table are built at the same time.
    alone: bool,
    /// Other tasks that come before.
    requires: Vec<i64>,
    /// What it costs, with the longest chain of tasks that wait for it.
    weight: u64,
    /// The size of its biggest table.
    pub(super) bytes: u64,
}

/// What is still to do, what is at work, and what is done.
#[derive(Debug, Default)]
pub(super) struct Board<'a> {
    /// The heaviest first.
    pub(super) waiting: Vec<Task<'a>>,
    pub(super) running: usize,
    /// Tables at work: by how many, or by one alone.
    busy: HashMap<i64, Use>,
    pub(super) done: HashSet<i64>,
    failed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Shared(usize),
    Alone,
}

/// What whoever has nothing to do does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    Do(Task<'a>),
    Wait,
    Leave,
}

impl<'a> Board<'a> {
    pub(super) fn new(entries: &[&'a Entry], tables: &HashSet<i64>, sizes: &HashMap<i64, Size>) -> Self {
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
                let kind = Kind::of(entry);
                let cost = own.iter().fold(0_u64, |cost, table| cost.saturating_add(kind.cost(size(table))));
                let requires: Vec<i64> = entry.requires.iter().copied().filter(|id| ids.contains(id)).collect();
                // Those that need it stand after it in a dump, and so were seen before.
                let weight = cost.saturating_add(weights.get(&entry.id).copied().unwrap_or_default());
                for id in &requires {
                    let behind = weights.entry(*id).or_default();
                    *behind = weight.max(*behind);
                }
                let alone = entry.kind != "INDEX" || entry.definition.contains("ALTER TABLE");
                let bytes = own.iter().map(|table| size(table).bytes).max().unwrap_or_default();
                Task { entry, kind, alone, requires, weight, bytes, tables: own }
            })
            .collect();
        waiting.sort_by_key(|task| (std::cmp::Reverse(task.weight), task.entry.id));
        Self { waiting, ..Self::default() }
    }

    /// The heaviest that needs and disturbs nobody at work.
    pub(super) fn next(&mut self) -> Next<'a> {
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

    pub(super) fn ended(&mut self, task: &Task<'_>, well: bool) {
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

#[cfg(test)]
pub(super) mod tests {
    use super::{Board, Next};
    use crate::{
        definitions::over_rows::{cost::Size, looks},
        schema::archive::Entry,
    };
    use std::collections::{HashMap, HashSet};

    const USERS: i64 = 1;
    const ORDERS: i64 = 2;

    fn entry(id: i64, kind: &str, definition: &str, requires: &[i64]) -> Entry {
        Entry { id, kind: kind.to_owned(), definition: definition.to_owned(), requires: requires.to_vec(), ..Entry::default() }
    }

    pub(in super::super) fn entries() -> Vec<Entry> {
        vec![
            entry(11, "CONSTRAINT", "ALTER TABLE ONLY users ADD PRIMARY KEY (id);", &[USERS]),
            entry(12, "CONSTRAINT", "ALTER TABLE ONLY orders ADD PRIMARY KEY (id);", &[ORDERS]),
            entry(13, "INDEX", "CREATE INDEX by_owner ON orders USING btree (owner);", &[ORDERS]),
            entry(14, "INDEX", "CREATE INDEX by_text ON orders USING gin (text);", &[ORDERS]),
            entry(15, "FK CONSTRAINT", "ALTER TABLE ONLY orders ADD FOREIGN KEY (owner) REFERENCES users;", &[ORDERS, USERS, 11]),
        ]
    }

    pub(in super::super) fn board(entries: &[Entry]) -> Board<'_> {
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
    fn a_table_is_looked_through_when_its_indexes_are_there() {
        let mut entries = entries();
        entries.push(entry(-ORDERS, looks::KIND, "select 1; analyze orders", &[12, 13, 14, ORDERS]));
        let mut board = board(&entries);
        let mut at_work = Vec::new();
        let mut order = Vec::new();
        while order.len() < entries.len() {
            match board.next() {
                Next::Do(task) => {
                    order.push(task.entry.id);
                    at_work.push(task);
                }
                Next::Wait => board.ended(&at_work.remove(0), true),
                Next::Leave => panic!("all of it can be done: {order:?}"),
            }
        }
        let place = |id: i64| order.iter().position(|done| *done == id).unwrap();
        assert!([12, 13, 14].iter().all(|index| place(*index) < place(-ORDERS)), "{order:?}");
        // The heavier one goes first: the foreign key reads two tables.
        assert_eq!(order.last(), Some(&-ORDERS));
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
}
