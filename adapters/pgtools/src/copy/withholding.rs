//! What a full clone leaves out: facts read from the catalogue, closed over foreign keys by the domain's rule, written as the text of a COPY.

use super::leader::Table;
use crate::{
    definitions::never_copied::EXTENSIONS,
    error::{from_sql, refused},
    masking::{Masks, pointing},
    quoting::ident,
};
use domain::{
    branch::{ColumnFacts, ForeignKeyFacts, TableFacts, Withheld, WithheldRows, close_over_foreign_keys},
    privacy::holds_credentials,
    table::QualifiedName,
};
use ports::driven::BuildError;
use serde::Deserialize;
use sqlx::{PgConnection, types::Json};
use std::collections::BTreeSet;

/// A table as the catalogue's query tells of it.
#[derive(Debug, Deserialize)]
struct Fact {
    name: QualifiedName,
    columns: Vec<Column>,
    foreign_keys: Vec<Key>,
    partition_of: Option<QualifiedName>,
    inherits: Vec<QualifiedName>,
    of_extension: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: String,
    may_become_null: bool,
}

#[derive(Debug, Deserialize)]
struct Key {
    name: String,
    columns: Vec<String>,
    references: QualifiedName,
    match_full: bool,
}

/// Why the tables of signing in arrive empty.
const CREDENTIALS: &str = "holds what one could act as somebody with";

/// Why the tables of `branching.excluded_table_data` do.
const EXCLUDED: &str = "excluded by the configuration (branching.excluded_table_data)";

/// Plans what is withheld from a clone of the leader's snapshot.
pub(crate) async fn plan(
    leader: &mut PgConnection,
    excluded: &[String],
    tables: &[QualifiedName],
    parent_is_main: bool,
) -> Result<Vec<Withheld>, BuildError> {
    let facts: Vec<Json<Fact>> = sqlx::query_scalar(include_str!("sql/facts.sql"))
        .bind(excluded)
        .fetch_all(leader)
        .await
        .map_err(|error| from_sql("reading foreign keys", error))?;
    let facts: Vec<Fact> = facts.into_iter().map(|Json(fact)| fact).collect();
    // A branch may have renamed the table, or dropped it. The rows of people were left out when it was cut: what is there now was written in the branch.
    if parent_is_main {
        refuse_unknown(&facts, tables)?;
    }
    Ok(close(&facts, tables))
}

/// A slip in a table's name must not bring its rows along. Those that we leave out ourselves are not in every database.
fn refuse_unknown(facts: &[Fact], tables: &[QualifiedName]) -> Result<(), BuildError> {
    let unknown = tables.iter().filter(|table| !holds_credentials(table) && !facts.iter().any(|fact| fact.name == **table));
    // As in SQL without quotes, some write another case than the table's own.
    let meant = |table: &QualifiedName| {
        let lower = |name: &QualifiedName| (name.schema.to_lowercase(), name.name.to_lowercase());
        facts.iter().find(|fact| lower(&fact.name) == lower(table)).map(|fact| format!(" (there is {})", fact.name.written()))
    };
    let unknown: Vec<_> = unknown.map(|table| format!("{}{}", table.written(), meant(table).unwrap_or_default())).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(refused(
        "excluded_table_missing",
        format!("branching.excluded_table_data names {}, and there is no such table: correct it, or take it out", unknown.join(", ")),
    ))
}

fn close(facts: &[Fact], tables: &[QualifiedName]) -> Vec<Withheld> {
    let credentials = with_heirs(facts, holds_credentials).into_iter().map(|table| Withheld::all_rows(table, CREDENTIALS));
    let mut withheld: Vec<Withheld> = credentials.collect();
    let excluded = with_heirs(facts, |table| tables.contains(table)).into_iter();
    withheld.extend(excluded.filter(|table| !holds_credentials(table)).map(|table| Withheld::all_rows(table, EXCLUDED)));
    // Those of other extensions are complete: CREATE EXTENSION fills them, and what it does not comes along.
    for (fact, extension) in facts.iter().filter_map(|fact| Some((fact, fact.of_extension.as_deref()?))) {
        if EXTENSIONS.contains(&extension) {
            withheld.push(Withheld::all_rows(fact.name.clone(), format!("belongs to extension {extension}, which no branch has")));
        }
    }
    withheld.extend(password_hashes(facts));
    let known: Vec<TableFacts> = facts.iter().map(known).collect();
    let mut closed = close_over_foreign_keys(&known, withheld);
    complete_match_full(&known, &mut closed);
    closed.retain(|entry| entry.rows != WithheldRows::None || !entry.nulled_columns.is_empty());
    closed
}

/// The tables that exist, and what inherits from them: a partition's rows are the whole's.
fn with_heirs(facts: &[Fact], is_meant: impl Fn(&QualifiedName) -> bool) -> BTreeSet<QualifiedName> {
    let mut found: BTreeSet<_> = facts.iter().filter(|fact| is_meant(&fact.name)).map(|fact| fact.name.clone()).collect();
    loop {
        let heirs: Vec<_> = facts
            .iter()
            .filter(|fact| !found.contains(&fact.name) && fact.inherits.iter().any(|parent| found.contains(parent)))
            .map(|fact| fact.name.clone())
            .collect();
        if heirs.is_empty() {
            return found;
        }
        found.extend(heirs);
    }
}

fn password_hashes(facts: &[Fact]) -> Option<Withheld> {
    const COLUMN: &str = "encrypted_password";
    let users = facts.iter().find(|fact| fact.name == QualifiedName::new("auth", "users"))?;
    users.columns.iter().find(|column| column.name == COLUMN)?;
    Some(Withheld::columns(users.name.clone(), vec![COLUMN.to_owned()], "password hashes never reach a branch"))
}

fn known(fact: &Fact) -> TableFacts {
    let may = |name: &str| fact.columns.iter().any(|column| column.name == name && column.may_become_null);
    // With MATCH FULL no column of a key may become NULL alone: one that cannot keeps the others from it.
    let kept: BTreeSet<&String> =
        fact.foreign_keys.iter().filter(|key| key.match_full && !key.columns.iter().all(|name| may(name))).flat_map(|key| &key.columns).collect();
    TableFacts {
        name: fact.name.clone(),
        columns: fact
            .columns
            .iter()
            .map(|column| ColumnFacts { name: column.name.clone(), may_become_null: column.may_become_null && !kept.contains(&column.name) })
            .collect(),
        foreign_keys: fact
            .foreign_keys
            .iter()
            .map(|key| ForeignKeyFacts {
                name: key.name.clone(),
                columns: key.columns.clone(),
                references: key.references.clone(),
                match_full: key.match_full,
            })
            .collect(),
        partition_of: fact.partition_of.clone(),
    }
}

/// A column of two keys may have become NULL for the sake of one: where the other is MATCH FULL, the rest of its columns follow. They all may.
fn complete_match_full(tables: &[TableFacts], withheld: &mut [Withheld]) {
    for entry in withheld {
        let Some(table) = tables.iter().find(|table| table.name == entry.table) else { continue };
        loop {
            let half = table.foreign_keys.iter().find(|key| {
                let nulled = key.columns.iter().filter(|name| entry.nulled_columns.contains(name)).count();
                key.match_full && nulled > 0 && nulled < key.columns.len()
            });
            let Some(key) = half else { break };
            let rest: Vec<_> = key.columns.iter().filter(|name| !entry.nulled_columns.contains(name)).cloned().collect();
            entry.nulled_columns.extend(rest);
        }
    }
}

/// Which rows of a table come along, and as what.
pub(crate) struct Source {
    /// What COPY reads.
    pub(crate) sql: String,
    /// Whether that is the table itself: its own values, of its own types.
    pub(crate) as_it_is: bool,
}

/// `None` when no row of the table comes along.
pub(crate) fn source(table: &Table, withheld: Option<&Withheld>, masks: &Masks) -> Option<Source> {
    source_of(table, "", withheld, masks)
}

/// The same of those rows only that fulfil a condition: what follows the table's name in a query.
pub(super) fn source_of(table: &Table, condition: &str, withheld: Option<&Withheld>, masks: &Masks) -> Option<Source> {
    let quoted = table.quoted();
    let masked = masks.of(&table.qualified());
    if withheld.is_none() && masked.is_none() && condition.is_empty() {
        let list = if table.columns.is_empty() { String::new() } else { format!(" ({})", crate::quoting::idents(&table.columns)) };
        return Some(Source { sql: format!("{quoted}{list}"), as_it_is: true });
    }
    let filter = match withheld.map(|withheld| &withheld.rows) {
        Some(WithheldRows::All) => return None,
        Some(WithheldRows::None | WithheldRows::Object { .. }) | None => String::new(),
        Some(WithheldRows::Referencing { keys }) => format!(" where not ({})", pointing(keys)),
    };
    let nulled = |column: &String| withheld.is_some_and(|withheld| withheld.nulled_columns.contains(column));
    let value = |column: &String| match (nulled(column), table.required.contains(column)) {
        (false, _) => masked.and_then(|masked| masked.get(column)).cloned().unwrap_or_else(|| ident(column)),
        (true, false) => "null".to_owned(),
        // Only the column of password hashes is withheld whether or not it takes NULL.
        (true, true) => "''".to_owned(),
    };
    let values: Vec<_> = table.columns.iter().map(value).collect();
    let rows = if condition.is_empty() { format!("only {quoted}") } else { format!("(select * from only {quoted} {condition}) chosen") };
    Some(Source { sql: format!("(select {} from {rows}{filter})", values.join(", ")), as_it_is: false })
}

#[cfg(test)]
mod tests {
    use super::{Column, Fact, Key, close};
    use domain::{branch::WithheldRows, table::QualifiedName};

    fn name(table: &str) -> QualifiedName {
        QualifiedName::new("app", table)
    }

    fn fact(own: &str, columns: &[(&str, bool)], keys: &[(&[&str], &str, bool)]) -> Fact {
        Fact {
            name: name(own),
            columns: columns.iter().map(|(name, may)| Column { name: (*name).to_owned(), may_become_null: *may }).collect(),
            foreign_keys: keys
                .iter()
                .map(|(columns, to, match_full)| Key {
                    name: format!("{own}_{to}"),
                    columns: columns.iter().map(|column| (*column).to_owned()).collect(),
                    references: name(to),
                    match_full: *match_full,
                })
                .collect(),
            partition_of: None,
            inherits: Vec::new(),
            of_extension: None,
        }
    }

    #[test]
    fn no_match_full_key_is_left_half_null() {
        let keys: &[(&[&str], &str, bool)] = &[(&["a", "b"], "pairs", true), (&["b"], "secret", false)];
        let free = [fact("secret", &[], &[]), fact("pairs", &[], &[]), fact("child", &[("a", true), ("b", true)], keys)];
        let withheld = close(&free, &[name("secret")]);
        assert_eq!(withheld.iter().find(|entry| entry.table == name("child")).unwrap().nulled_columns, ["b", "a"]);

        let bound = [fact("secret", &[], &[]), fact("pairs", &[], &[]), fact("child", &[("a", false), ("b", true)], keys)];
        let withheld = close(&bound, &[name("secret")]);
        let child = withheld.iter().find(|entry| entry.table == name("child")).unwrap();
        assert!(child.nulled_columns.is_empty() && matches!(child.rows, WithheldRows::Referencing { .. }), "{child:?}");
    }

    #[test]
    fn partitions_of_an_excluded_table_are_excluded() {
        let mut partition = fact("events_1", &[], &[]);
        partition.inherits = vec![name("events")];
        let withheld = close(&[fact("events", &[], &[]), partition], &[name("events"), name("not_there")]);
        assert!(withheld.len() == 2 && withheld.iter().all(|entry| entry.rows == WithheldRows::All), "{withheld:?}");
    }
}
