//! Materialised views: a dump without rows leaves them empty, so they are filled here, from the branch's own rows.

use super::dependents::Dependent;
use crate::{
    connect::run,
    copy::rows::SEARCH_PATH,
    error::{from_sql, listed, sql_state, told},
    quoting::{ident, printed_relation},
};
use domain::{branch::Withheld, table::QualifiedName};
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

/// Extensions whose functions ask other servers for rows.
const ASKING: &[&str] = &["dblink", "http"];

/// Takes those out of `filled` that ask other servers, as far as can be told, and tells them: what comes from there is neither masked nor withheld, and a branch
/// acts on no other server by itself.
pub(crate) async fn leave_out_askers(leader: &mut PgConnection, filled: &mut BTreeSet<(String, String)>) -> Result<Vec<Withheld>, BuildError> {
    const SHOWN: usize = 3;
    if filled.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<(i64, i64)> = sqlx::query_as(include_str!("sql/other_servers.sql"))
        .bind(ASKING)
        .fetch_all(&mut *leader)
        .await
        .map_err(|error| from_sql("reading what asks other servers", error))?;
    let mut told = Vec::new();
    for view in Dependent::of(leader, &asked, false).await?.into_iter().filter(|one| one.kind == "materialized view") {
        let QualifiedName { schema, name } = printed_relation(&view.identity);
        if filled.remove(&(schema.clone(), name.clone())) {
            let reason = format!(
                "it arrives without its rows, until it is refreshed: it asks other servers, by {}, and what they hold is neither masked nor withheld",
                listed(&view.roots, SHOWN)
            );
            told.push(Withheld::object("materialized view", QualifiedName { schema, name }, reason));
        }
    }
    Ok(told)
}

/// Fills the views. One that reads a view which is still empty waits for that. Some cannot be filled: a foreign table in a branch has no user mapping, and over
/// rows of which some stayed behind a query may fail. They stay empty, as do views that read them, and are told.
pub(crate) async fn fill(branch: &mut PgConnection, mut waiting: BTreeSet<(String, String)>) -> Result<Vec<Withheld>, BuildError> {
    let mut unfilled = Vec::new();
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut put_off = Vec::new();
        for view in waiting.clone() {
            let name = format!("{}.{}", ident(&view.0), ident(&view.1));
            let Err(error) = run(branch, format!("{SEARCH_PATH}; refresh materialized view {name}")).await else {
                waiting.remove(&view);
                continue;
            };
            let state = sql_state(&error).unwrap_or_default();
            let doing = format!("filling materialised view {name}");
            if is_not_the_views(&state) {
                return Err(from_sql(doing, error));
            }
            let told = Withheld::object("materialized view", QualifiedName::new(&view.0, &view.1), reason(&error, &state, &doing));
            // "has not been populated"
            if state == "55000" {
                put_off.push(told);
            } else {
                waiting.remove(&view);
                unfilled.push(told);
            }
        }
        if waiting.len() == before {
            unfilled.extend(put_off);
            break;
        }
    }
    Ok(unfilled)
}

/// The server's trouble, or ours with it. Everything else is the view's own, and would be the same the next time.
fn is_not_the_views(state: &str) -> bool {
    state.is_empty() || ["40", "53", "57", "58030", "XX001", "XX002"].iter().any(|class| state.starts_with(class))
}

/// Whoever may see the branch reads it: what a query or a function says of values may be of rows that they may not.
fn reason(error: &sqlx::Error, state: &str, doing: &str) -> String {
    tracing::info!(%error, doing, "a materialised view stays empty");
    let of_values = ["22", "23"].iter().any(|class| state.starts_with(class));
    let said = error.as_database_error().filter(|_| !of_values).map_or("its query fails".into(), |error| told(error, state));
    format!("it arrives without its rows, until it is refreshed: {said} (SQLSTATE {state})")
}

#[cfg(test)]
mod tests {
    use super::is_not_the_views;

    #[test]
    fn only_what_the_view_itself_brings_about_leaves_it_empty() {
        // No connection, a deadlock, a full disk, a shutdown.
        for state in ["", "40P01", "53100", "57P01"] {
            assert!(is_not_the_views(state), "{state}");
        }
        // No user mapping, a division by zero, no other server, no file.
        for state in ["42704", "22012", "08001", "58P01", "HV000"] {
            assert!(!is_not_the_views(state), "{state}");
        }
    }
}
