//! Large objects that only withheld values point at: they stay behind with them.

use crate::{
    error::from_sql,
    quoting::{ident, relation},
};
use domain::{
    branch::{Withheld, WithheldRows},
    privacy::{Kind, PrivateTable},
};
use ports::driven::BuildError;
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::BTreeSet;

/// The numbers in withheld rows and columns, less those in what comes along.
pub(super) async fn find(leader: &mut PgConnection, tables: &[PrivateTable], withheld: &[Withheld]) -> Result<BTreeSet<i64>, BuildError> {
    let Some(sql) = query(tables, withheld) else { return Ok(BTreeSet::new()) };
    let found: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(sql))
        .persistent(false)
        .fetch_all(leader)
        .await
        .map_err(|error| from_sql("looking for large objects of withheld rows", error))?;
    Ok(found.into_iter().collect())
}

/// `None` where nothing withheld may point at a large object.
fn query(tables: &[PrivateTable], withheld: &[Withheld]) -> Option<String> {
    let (mut behind, mut along) = (Vec::new(), Vec::new());
    for table in tables {
        let entry = withheld.iter().find(|entry| entry.table == table.name);
        for column in table.columns.iter().filter(|column| column.kind == Kind::LargeObject) {
            let select = format!("select {}::oid::int8 as object from only {}", ident(&column.name), relation(&table.name));
            let changed = |entry: &Withheld| {
                entry.rows == WithheldRows::All
                    || entry.nulled_columns.contains(&column.name)
                    || entry.masked_columns.iter().any(|masked| masked.name == column.name)
            };
            match entry {
                Some(entry) if changed(entry) => behind.push(select),
                Some(Withheld { rows: WithheldRows::Referencing { keys }, .. }) => {
                    let pointing = pointing(keys);
                    behind.push(format!("{select} where {pointing}"));
                    along.push(format!("{select} where not ({pointing})"));
                }
                _ => along.push(select),
            }
        }
    }
    let behind = (!behind.is_empty()).then(|| behind.join(" union all "))?;
    let less = if along.is_empty() { String::new() } else { format!(" except ({})", along.join(" union all ")) };
    Some(format!("select object from (({behind}){less}) hidden where object is not null"))
}

/// Whether a row points, by any of the keys, at what does not come along.
pub(crate) fn pointing(keys: &[Vec<String>]) -> String {
    let set = |key: &Vec<String>| key.iter().map(|column| format!("{} is not null", ident(column))).collect::<Vec<_>>().join(" and ");
    keys.iter().map(|key| format!("({})", set(key))).collect::<Vec<_>>().join(" or ")
}
