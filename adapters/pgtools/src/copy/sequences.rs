//! Sequence values: read after the snapshot, so that none is behind a row that the snapshot has.

use crate::{
    connect::run,
    error::from_sql,
    quoting::{literal, relation},
};
use domain::table::QualifiedName;
use ports::driven::BuildError;
use sqlx::{AssertSqlSafe, PgConnection, Row};

/// Where a sequence stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) name: QualifiedName,
    last_value: i64,
    is_called: bool,
}

/// How many sequences one statement reads or sets.
const AT_ONCE: usize = 100;

/// Reads every sequence of the schemas that `wanted` takes.
pub(crate) async fn read(leader: &mut PgConnection, excluded: &[String], wanted: impl Fn(&str) -> bool) -> Result<Vec<Position>, BuildError> {
    let failed = |error| from_sql("reading sequences", error);
    let names: Vec<(String, String)> = sqlx::query_as(
        r"select n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where c.relkind = 'S' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all($1)
             and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
           order by c.oid",
    )
    .bind(excluded)
    .fetch_all(&mut *leader)
    .await
    .map_err(failed)?;
    let names: Vec<_> = names.into_iter().filter(|(schema, _)| wanted(schema)).map(|(schema, name)| QualifiedName::new(schema, name)).collect();
    positions(leader, &names).await
}

/// Reads these sequences.
///
/// What is read stays locked as long as the leader's transaction takes, which is not needed here, and a parent has a sequence for each table, as a rule. What a
/// savepoint has locked, going back to it lets go.
pub(super) async fn positions(leader: &mut PgConnection, names: &[QualifiedName]) -> Result<Vec<Position>, BuildError> {
    let failed = |error| from_sql("reading sequences", error);
    let mut positions = Vec::with_capacity(names.len());
    if names.is_empty() {
        return Ok(positions);
    }
    run(leader, "savepoint positions").await.map_err(failed)?;
    for some in names.chunks(AT_ONCE) {
        let parts: Vec<_> =
            some.iter().enumerate().map(|(place, name)| format!("select {place} as place, last_value, is_called from {}", relation(name))).collect();
        let sql = format!("{} order by place", parts.join(" union all "));
        let rows = sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch_all(&mut *leader).await.map_err(failed)?;
        for (name, row) in some.iter().zip(rows) {
            let (last_value, is_called) = (row.try_get("last_value").map_err(failed)?, row.try_get("is_called").map_err(failed)?);
            positions.push(Position { name: name.clone(), last_value, is_called });
        }
        run(leader, "rollback to savepoint positions").await.map_err(failed)?;
    }
    run(leader, "release savepoint positions").await.map_err(failed)?;
    Ok(positions)
}

/// Sets them in the branch.
pub(crate) async fn write(branch: &mut PgConnection, positions: &[Position]) -> Result<(), BuildError> {
    for some in positions.chunks(AT_ONCE) {
        let set: Vec<_> = some
            .iter()
            .map(|position| format!("setval({}, {}, {})", literal(&relation(&position.name)), position.last_value, position.is_called))
            .collect();
        run(branch, format!("select {}", set.join(", "))).await.map_err(|error| from_sql("setting sequences", error))?;
    }
    Ok(())
}
