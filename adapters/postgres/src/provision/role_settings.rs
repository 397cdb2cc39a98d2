//! What holds in every session of our logins.

use super::{
    admin_path::OURS,
    error::ProvisionError,
    logins::Logins,
    roles::BRANCH_OWNER,
    sql::{ident, literal, run},
};
use sqlx::PgConnection;

/// A transaction that was left open keeps rows from being cleaned up and blocks whoever alters the table.
const IDLE_IN_TRANSACTION: &str = "60s";

/// Sets them where they differ.
pub(super) async fn ensure(connection: &mut PgConnection, logins: &Logins, schemas: &[String]) -> Result<(), ProvisionError> {
    let path = search_path(connection, schemas).await?;
    for login in [&logins.user.name, &logins.service.name] {
        set(connection, login, "idle_in_transaction_session_timeout", &[IDLE_IN_TRANSACTION.to_owned()]).await?;
        set(connection, login, "search_path", &path).await?;
        // Every request says whether it reads or writes; one that writes could not say so any more in a session that only reads by default.
        set(connection, login, "default_transaction_read_only", &["off".to_owned()]).await?;
        // A request with hundreds of embeds is a plan of hundreds of sub-selects, none of which runs for long: to compile them takes many times as long as to
        // run them. As a setting of the login it holds through whatever pools sessions on the way; branches' logins are made in these ones' image.
        set(connection, login, "jit", &["off".to_owned()]).await?;
    }
    // RESET ROLE leads back to the owner too, and nothing in a branch can put itself before what the builder calls.
    set(connection, &logins.builder.name, "role", &[BRANCH_OWNER.to_owned()]).await?;
    set(connection, &logins.builder.name, "search_path", &["pg_catalog".to_owned()]).await
}

/// The exposed schemas, then what this database's sessions have by default: its functions were written for that. Statements of ours name schemas.
async fn search_path(connection: &mut PgConnection, schemas: &[String]) -> Result<Vec<String>, sqlx::Error> {
    // PostgreSQL reads the list itself; afterwards the path is as it was.
    sqlx::query(
        "select set_config('search_path', coalesce(
             (select substr(setting, length('search_path=') + 1)
                from pg_db_role_setting s, unnest(s.setconfig) setting
               where s.setrole = 0 and s.setdatabase = (select oid from pg_database where datname = current_database())
                 and setting like 'search\\_path=%'),
             '\"$user\", public') || ', extensions', true)",
    )
    .execute(&mut *connection)
    .await?;
    // Under that path a function of anybody's could answer to a bare name.
    let by_default: Vec<String> =
        sqlx::query_scalar("select pg_catalog.unnest(pg_catalog.current_schemas(false))::pg_catalog.text").fetch_all(&mut *connection).await?;
    sqlx::query("set local search_path = pg_catalog").execute(connection).await?;
    let mut path = schemas.to_vec();
    path.extend(by_default.into_iter().filter(|schema| !schemas.contains(schema) && !OURS.contains(&schema.as_str())));
    Ok(path)
}

async fn set(connection: &mut PgConnection, role: &str, name: &str, values: &[String]) -> Result<(), ProvisionError> {
    // Lists of names are kept quoted where they must be; other values as they were given.
    let is_set: bool = sqlx::query_scalar(
        "select coalesce((select (r.rolconfig @> array[$2 || '=' || (
             select string_agg(case $2 when 'search_path' then quote_ident(value) else value end, ', ' order by place)
               from unnest($3::text[]) with ordinality v (value, place))])
           from pg_roles r where r.rolname = $1), false)",
    )
    .bind(role)
    .bind(name)
    .bind(values)
    .fetch_one(&mut *connection)
    .await?;
    if !is_set {
        let values: Vec<_> = values.iter().map(|value| literal(value)).collect();
        run(connection, format!("alter role {} set {name} to {}", ident(role), values.join(", "))).await?;
    }
    Ok(())
}
