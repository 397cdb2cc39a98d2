//! Large objects that only withheld values point at: they stay behind with them.
//!
//! A column of type `oid` or `oid[]` points at large objects. Others keep the number of one as a text or a whole number, or within an array, JSON or another
//! value of several parts. In values that are withheld, every number that a large object has hides that object. In values that come along, such a number keeps an
//! object from being hidden only where the column holds nothing but numbers of large objects: any other number may be there by chance, and must not bring
//! somebody's object along. Objects that no value names come along: they are nobody's.

use super::expression::printed;
use crate::{
    error::from_sql,
    quoting::{ident, relation},
};
use domain::{
    branch::{Withheld, WithheldRows},
    privacy::{Kind, PrivateColumn, PrivateTable},
    table::QualifiedName,
};
use ports::driven::BuildError;
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::BTreeSet;

/// How many columns are looked through by one statement.
const AT_ONCE: usize = 40;

/// A column of no table, so that nobody's is meant beside it.
const FOUND: &str = "fluxbase_large_object";

/// The numbers in withheld rows and columns, less those in what comes along.
pub(super) async fn find(leader: &mut PgConnection, tables: &[PrivateTable], withheld: &[Withheld]) -> Result<BTreeSet<i64>, BuildError> {
    let failed = |error| from_sql("looking for large objects of withheld rows", error);
    let mut hidden = BTreeSet::new();
    let any: bool = sqlx::query_scalar("select exists (select from pg_largeobject_metadata)").fetch_one(&mut *leader).await.map_err(failed)?;
    if !any {
        return Ok(hidden);
    }
    let filtered: Vec<(String, String)> = sqlx::query_as(
        "select n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where c.relrowsecurity and row_security_active(c.oid)",
    )
    .fetch_all(&mut *leader)
    .await
    .map_err(failed)?;
    let filtered = filtered.into_iter().map(|(schema, name)| QualifiedName::new(schema, name)).collect();
    let Selects { behind, along } = selects(tables, withheld, &filtered);
    for some in behind.chunks(AT_ONCE) {
        let sql = format!(
            "select distinct object from ({}) behind where object in (select oid::int8 from pg_largeobject_metadata)",
            some.join(" union all ")
        );
        hidden.extend(sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).persistent(false).fetch_all(&mut *leader).await.map_err(failed)?);
    }
    for some in along.chunks(AT_ONCE) {
        if hidden.is_empty() {
            break;
        }
        let sql = format!("select distinct object from ({}) along where object = any($1)", some.join(" union all "));
        let numbers: Vec<i64> = hidden.iter().copied().collect();
        let found = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).persistent(false).bind(numbers).fetch_all(&mut *leader).await.map_err(failed)?;
        hidden.retain(|number| !found.contains(number));
    }
    Ok(hidden)
}

/// How many there are, for the report.
pub(super) fn told(hidden: &BTreeSet<i64>) -> Option<Withheld> {
    let reason = match hidden.len() {
        0 => return None,
        1 => "one of them stayed behind: a value that is withheld or masked bears its number".to_owned(),
        many => format!("{many} of them stayed behind: values that are withheld or masked bear their numbers"),
    };
    Some(Withheld::object("large objects", QualifiedName::new("pg_catalog", "pg_largeobject"), reason))
}

/// What gives the numbers in withheld values, and those in values that come along.
#[derive(Debug, Default)]
struct Selects {
    behind: Vec<String>,
    along: Vec<String>,
}

/// `filtered` are tables whose policies keep rows from us: there only an `oid` is worth a refusal.
fn selects(tables: &[PrivateTable], withheld: &[Withheld], filtered: &BTreeSet<QualifiedName>) -> Selects {
    let mut selects = Selects::default();
    for table in tables {
        let entry = withheld.iter().find(|entry| entry.table == table.name);
        for column in &table.columns {
            let is_pointer = column.kind == Kind::LargeObject || column.declared == "oid[]";
            let Some(number) = number(column).filter(|_| is_pointer || may_point(table, column) && !filtered.contains(&table.name)) else { continue };
            let source = format!("{} holder, lateral (select {number}) numbers({FOUND})", relation(&table.name));
            let select = format!("select {FOUND} as object from only {source}");
            let changed = |entry: &Withheld| {
                entry.rows == WithheldRows::All
                    || entry.nulled_columns.contains(&column.name)
                    || entry.masked_columns.iter().any(|masked| masked.name == column.name)
            };
            match entry {
                Some(entry) if changed(entry) => selects.behind.push(select),
                Some(Withheld { rows: WithheldRows::Referencing { keys }, .. }) => {
                    let pointing = pointing(keys);
                    selects.behind.push(format!("{select} where {pointing}"));
                    selects.along.push(format!("{select} where not ({pointing})"));
                }
                _ if is_pointer => selects.along.push(select),
                // It ends at the first value that is no large object's.
                _ => selects.along.push(format!(
                    "{select} where not exists (select from only {source} where {} is distinct from null \
                       and (select oid from pg_largeobject_metadata o where o.oid = {FOUND}::oid) is null)",
                    ident(&column.name)
                )),
            }
        }
    }
    selects
}

/// Numbers that a sequence gave, and those of other rows, are no large objects'.
fn may_point(table: &PrivateTable, column: &PrivateColumn) -> bool {
    !column.numbered && table.foreign_keys.iter().all(|key| !key.columns.contains(&column.name))
}

/// A column's value as the number of a large object, NULL where it can be none; a row for each where there may be several. `None` for types in which nobody
/// keeps one.
fn number(column: &PrivateColumn) -> Option<String> {
    let name = ident(&column.name);
    let text = printed(&name);
    Some(match column.kind {
        Kind::LargeObject => format!("{name}::oid::int8"),
        Kind::Integer | Kind::Big | Kind::Decimal => {
            format!("case when {name} between 1 and 4294967295 and {name} = trunc({name}) then {name}::int8 end")
        }
        // No number has more than ten digits, and not all of ten digits is one.
        kind if kind.is_text() => {
            format!(
                "case when t ~ '^[1-9][0-9]{{0,9}}$' then nullif(t::int8, greatest(t::int8, 4294967296)) end from (select {text} as t offset 0) printed"
            )
        }
        Kind::Array | Kind::Json | Kind::Other => {
            format!(r"nullif(found[1]::int8, greatest(found[1]::int8, 4294967296)) from regexp_matches({text}, '\m[1-9][0-9]{{0,9}}\M', 'g') found")
        }
        _ => return None,
    })
}

/// Whether a row points, by any of the keys, at what does not come along.
pub(crate) fn pointing(keys: &[Vec<String>]) -> String {
    let set = |key: &Vec<String>| key.iter().map(|column| format!("{} is not null", ident(column))).collect::<Vec<_>>().join(" and ");
    keys.iter().map(|key| format!("({})", set(key))).collect::<Vec<_>>().join(" or ")
}
