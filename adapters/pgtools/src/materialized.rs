//! Materialised views: a dump without rows leaves them empty, so they are filled here, from the branch's own rows.

use crate::{
    connect::run,
    error::{from_sql, refused, sql_state},
    quoting::ident,
};
use ports::driven::BuildError;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// Those that hold rows in the parent, as it would name them.
pub(crate) async fn filled(leader: &mut PgConnection, excluded: &[String]) -> Result<BTreeSet<(String, String)>, BuildError> {
    let found: Vec<(String, String)> = sqlx::query_as(
        r"select n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where c.relkind = 'm' and c.relispopulated and n.nspname !~ '^pg_' and n.nspname <> all($1)
             and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')",
    )
    .bind(excluded)
    .fetch_all(leader)
    .await
    .map_err(|error| from_sql("reading materialised views", error))?;
    Ok(found.into_iter().collect())
}

/// Fills them. One that reads another which is still empty is put off until that is filled.
pub(crate) async fn fill(branch: &mut PgConnection, mut waiting: BTreeSet<(String, String)>) -> Result<(), BuildError> {
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut put_off = None;
        for view in waiting.clone() {
            let name = format!("{}.{}", ident(&view.0), ident(&view.1));
            match run(branch, format!("refresh materialized view {name}")).await {
                Ok(()) => drop(waiting.remove(&view)),
                // "has not been populated"
                Err(error) if sql_state(&error).as_deref() == Some("55000") => put_off = Some(error),
                Err(error) => return Err(from_sql(format!("filling materialised view {name}"), error)),
            }
        }
        if waiting.len() == before {
            let reason = put_off.map(|error| error.to_string()).unwrap_or_default();
            return Err(refused("clone_refused", format!("materialised views could not be filled: {reason}")));
        }
    }
    Ok(())
}
