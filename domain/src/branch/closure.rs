//! Withheld data closes over foreign keys: a row that points at a withheld row is changed or left out too, so that every key still holds.

use crate::{privacy::MaskedColumn, table::QualifiedName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A column, as far as withholding is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnFacts {
    /// Its name.
    pub name: String,
    /// Whether NULL may be written where a value stood. It may not where the column or its domain is NOT NULL, where the column is generated, or where it is
    /// part of a primary key, a check constraint, a partition key or an exclusion constraint. Nor may it in a unique index that takes NULLs for equal, or that
    /// has expressions: two rows could become one.
    pub may_become_null: bool,
}

/// A foreign key of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKeyFacts {
    /// The constraint's name.
    pub name: String,
    /// The referencing columns.
    pub columns: Vec<String>,
    /// The table referenced.
    pub references: QualifiedName,
    /// MATCH FULL: all columns are NULL or none is.
    pub match_full: bool,
}

/// A table, as far as withholding is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFacts {
    /// Its name.
    pub name: QualifiedName,
    /// Its columns.
    pub columns: Vec<ColumnFacts>,
    /// Its foreign keys, inherited ones too.
    pub foreign_keys: Vec<ForeignKeyFacts>,
    /// The partitioned table it is a partition of: what is missing here is missing there.
    pub partition_of: Option<QualifiedName>,
}

/// Which rows of a table do not come along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rows", rename_all = "snake_case")]
pub enum WithheldRows {
    /// None of its rows comes along.
    All,
    /// Rows in which every column of one of these keys is set are left out.
    Referencing {
        /// The columns of each key.
        keys: Vec<Vec<String>>,
    },
    /// Every row comes along.
    None,
    /// It is no table: an object of this kind that the copy does not have.
    Object {
        /// As PostgreSQL calls it.
        kind: String,
    },
}

/// What a copy leaves out of one table, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// The table, or another object.
    pub table: QualifiedName,
    /// The rows that stay behind.
    #[serde(flatten)]
    pub rows: WithheldRows,
    /// Columns that arrive as NULL in the rows that do come along.
    pub nulled_columns: Vec<String>,
    /// Columns that arrive with other values.
    #[serde(default)]
    pub masked_columns: Vec<MaskedColumn>,
    /// Why, for people.
    pub reason: String,
}

impl Withheld {
    /// A table that arrives empty.
    pub fn all_rows(table: QualifiedName, reason: impl Into<String>) -> Self {
        Self { table, rows: WithheldRows::All, nulled_columns: Vec::new(), masked_columns: Vec::new(), reason: reason.into() }
    }

    /// Columns that arrive as NULL.
    pub fn columns(table: QualifiedName, columns: Vec<String>, reason: impl Into<String>) -> Self {
        Self { table, rows: WithheldRows::None, nulled_columns: columns, masked_columns: Vec::new(), reason: reason.into() }
    }

    /// Something else than rows that the copy lacks.
    pub fn object(kind: impl Into<String>, name: QualifiedName, reason: impl Into<String>) -> Self {
        let rows = WithheldRows::Object { kind: kind.into() };
        Self { table: name, rows, nulled_columns: Vec::new(), masked_columns: Vec::new(), reason: reason.into() }
    }

    /// What was withheld, and why, in one line for people.
    pub fn in_words(&self) -> String {
        if let WithheldRows::Object { kind } = &self.rows {
            return format!("{kind} {}: {}", self.table, self.reason);
        }
        let masked: Vec<_> = self.masked_columns.iter().map(|column| format!("{} as {}", column.name, column.mask)).collect();
        let masked = if masked.is_empty() { String::new() } else { format!(" (masked: {})", masked.join(", ")) };
        format!("{}: {}{masked}", self.table, self.reason)
    }

    /// Whether a foreign key to the table may now dangle.
    fn leaves_rows_out(&self) -> bool {
        !matches!(self.rows, WithheldRows::None | WithheldRows::Object { .. })
    }
}

/// Adds to `withheld` what follows from it: for each foreign key to a table that lost rows, NULL is written where the column may be NULL, else the rows
/// that point there are left out too, and so on until nothing new follows. Cycles end because a table only ever loses more.
///
/// It may leave out more than strictly needed (a key to a table that lost *some* rows counts as if it had lost all), never less.
pub fn close_over_foreign_keys(tables: &[TableFacts], withheld: Vec<Withheld>) -> Vec<Withheld> {
    let mut found: BTreeMap<QualifiedName, Withheld> = withheld.into_iter().map(|entry| (entry.table.clone(), entry)).collect();
    loop {
        let incomplete = incomplete_tables(tables, &found);
        let mut grew = false;
        for table in tables {
            for key in table.foreign_keys.iter().filter(|key| incomplete.contains(&key.references)) {
                grew |= withhold_key(table, key, &mut found);
            }
        }
        if !grew {
            return found.into_values().collect();
        }
    }
}

/// The tables that lost rows, and the partitioned tables whose partitions did.
fn incomplete_tables(tables: &[TableFacts], found: &BTreeMap<QualifiedName, Withheld>) -> BTreeSet<QualifiedName> {
    let mut incomplete: BTreeSet<_> = found.values().filter(|entry| entry.leaves_rows_out()).map(|entry| entry.table.clone()).collect();
    loop {
        let before = incomplete.len();
        for table in tables {
            let Some(parent) = &table.partition_of else { continue };
            if incomplete.contains(&table.name) {
                incomplete.insert(parent.clone());
            }
        }
        if incomplete.len() == before {
            return incomplete;
        }
    }
}

/// Withholds what one key to an incomplete table asks for. Tells whether anything was added.
fn withhold_key(table: &TableFacts, key: &ForeignKeyFacts, found: &mut BTreeMap<QualifiedName, Withheld>) -> bool {
    let reason = || format!("foreign key {} points at {}, which is not copied whole", key.name, key.references);
    let entry = found.entry(table.name.clone()).or_insert_with(|| Withheld {
        table: table.name.clone(),
        rows: WithheldRows::None,
        nulled_columns: Vec::new(),
        masked_columns: Vec::new(),
        reason: reason(),
    });
    if entry.rows == WithheldRows::All {
        return false;
    }
    if let Some(columns) = columns_to_null(table, key) {
        let new: Vec<_> = columns.into_iter().filter(|column| !entry.nulled_columns.contains(column)).collect();
        let grew = !new.is_empty();
        entry.nulled_columns.extend(new);
        return grew;
    }
    let keys = match &mut entry.rows {
        WithheldRows::Referencing { keys } => keys,
        rows => {
            *rows = WithheldRows::Referencing { keys: Vec::new() };
            let WithheldRows::Referencing { keys } = rows else { unreachable!("just written") };
            keys
        }
    };
    if keys.contains(&key.columns) {
        return false;
    }
    keys.push(key.columns.clone());
    true
}

/// The columns that set a key free when they become NULL: with MATCH FULL all of them, else those that may (one would do; all is plainer to read).
fn columns_to_null(table: &TableFacts, key: &ForeignKeyFacts) -> Option<Vec<String>> {
    let may = |name: &String| table.columns.iter().any(|column| column.name == *name && column.may_become_null);
    let nullable: Vec<_> = key.columns.iter().filter(|name| may(name)).cloned().collect();
    let enough = if key.match_full { nullable.len() == key.columns.len() } else { !nullable.is_empty() };
    enough.then_some(nullable)
}

#[cfg(test)]
mod tests {
    use super::{ColumnFacts, ForeignKeyFacts, TableFacts, Withheld, WithheldRows, close_over_foreign_keys};
    use crate::table::QualifiedName;

    fn name(table: &str) -> QualifiedName {
        QualifiedName::new("public", table)
    }

    /// A table with columns (name, may become NULL) and keys (columns, table, MATCH FULL).
    fn table(own: &str, columns: &[(&str, bool)], keys: &[(&[&str], &str, bool)]) -> TableFacts {
        TableFacts {
            name: name(own),
            columns: columns.iter().map(|(name, may)| ColumnFacts { name: (*name).to_owned(), may_become_null: *may }).collect(),
            foreign_keys: keys
                .iter()
                .map(|(columns, to, match_full)| ForeignKeyFacts {
                    name: format!("{own}_{to}_fkey"),
                    columns: columns.iter().map(|column| (*column).to_owned()).collect(),
                    references: name(to),
                    match_full: *match_full,
                })
                .collect(),
            partition_of: None,
        }
    }

    fn rows_of<'a>(withheld: &'a [Withheld], own: &str) -> Option<&'a Withheld> {
        withheld.iter().find(|entry| entry.table == name(own))
    }

    fn sessions() -> Vec<Withheld> {
        vec![Withheld::all_rows(name("sessions"), "excluded")]
    }

    #[test]
    fn not_null_children_are_left_out_two_levels_deep() {
        let tables = [
            table("sessions", &[], &[]),
            table("devices", &[("session_id", false)], &[(&["session_id"], "sessions", false)]),
            table("pings", &[("device_id", false)], &[(&["device_id"], "devices", false)]),
            table("other", &[("x", false)], &[]),
        ];
        let withheld = close_over_foreign_keys(&tables, sessions());
        for own in ["devices", "pings"] {
            assert!(matches!(rows_of(&withheld, own).unwrap().rows, WithheldRows::Referencing { .. }), "{own}");
        }
        assert!(rows_of(&withheld, "other").is_none());
    }

    #[test]
    fn a_nullable_column_becomes_null_and_the_row_stays() {
        let tables = [table("sessions", &[], &[]), table("visits", &[("session_id", true)], &[(&["session_id"], "sessions", false)])];
        let withheld = close_over_foreign_keys(&tables, sessions());
        let visits = rows_of(&withheld, "visits").unwrap();
        assert_eq!((&visits.rows, visits.nulled_columns.as_slice()), (&WithheldRows::None, ["session_id".to_owned()].as_slice()));
    }

    #[test]
    fn match_full_needs_every_column_free() {
        let pair: &[(&[&str], &str, bool)] = &[(&["a", "b"], "sessions", true)];
        let half = close_over_foreign_keys(&[table("child", &[("a", true), ("b", false)], pair)], sessions());
        assert!(matches!(rows_of(&half, "child").unwrap().rows, WithheldRows::Referencing { .. }));
        let free = close_over_foreign_keys(&[table("child", &[("a", true), ("b", true)], pair)], sessions());
        assert_eq!(rows_of(&free, "child").unwrap().nulled_columns, ["a", "b"]);
    }

    #[test]
    fn a_cycle_comes_to_an_end() {
        let tables = [
            table("a", &[("b_id", false), ("session_id", false)], &[(&["b_id"], "b", false), (&["session_id"], "sessions", false)]),
            table("b", &[("a_id", false)], &[(&["a_id"], "a", false)]),
        ];
        let withheld = close_over_foreign_keys(&tables, sessions());
        let WithheldRows::Referencing { keys } = &rows_of(&withheld, "a").unwrap().rows else { panic!("{withheld:?}") };
        assert_eq!(keys.len(), 2);
        assert!(rows_of(&withheld, "b").is_some());
    }

    #[test]
    fn a_key_to_a_partitioned_table_follows_its_partitions() {
        let mut partition = table("events_2026", &[("session_id", false)], &[(&["session_id"], "sessions", false)]);
        partition.partition_of = Some(name("events"));
        let tables = [table("events", &[], &[]), partition, table("notes", &[("event_id", true)], &[(&["event_id"], "events", false)])];
        let withheld = close_over_foreign_keys(&tables, sessions());
        assert_eq!(rows_of(&withheld, "notes").unwrap().nulled_columns, ["event_id"]);
    }

    #[test]
    fn nulling_alone_leaves_keys_to_that_table_whole() {
        let tables = [
            table("visits", &[("session_id", true)], &[(&["session_id"], "sessions", false)]),
            table("clicks", &[("visit_id", false)], &[(&["visit_id"], "visits", false)]),
        ];
        assert!(rows_of(&close_over_foreign_keys(&tables, sessions()), "clicks").is_none());
    }
}
