//! Where that lands which the admin makes without naming a schema.
//!
//! PostgreSQL looks into the schema of a login's own name first. A login called `fluxbase` would make its tables among ours, where no request finds
//! them, for no other reason than that this schema is there now.

use super::{
    error::ProvisionError,
    sql::{ident, run},
};
use sqlx::PgConnection;

/// The schemas that we bring along and nobody else has business in.
pub(super) const OURS: [&str; 3] = ["branching", "fluxbase", "fluxbase_migrations"];

/// Takes `"$user"` out of the admin's path in this database, where that is one of [`OURS`]. What else is in its path stays.
pub(super) async fn ensure(connection: &mut PgConnection) -> Result<(), ProvisionError> {
    // As its sessions begin: what was set in this one is not meant.
    sqlx::query("set local search_path to default").execute(&mut *connection).await?;
    let path: String = sqlx::query_scalar("show search_path").fetch_one(&mut *connection).await?;
    sqlx::query("set local search_path = pg_catalog").execute(&mut *connection).await?;
    let (admin, database): (String, String) =
        sqlx::query_as("select current_user::text, current_database()::text").fetch_one(&mut *connection).await?;
    if !OURS.contains(&admin.as_str()) || !path.contains("$user") {
        return Ok(());
    }
    // PostgreSQL reads the shorter list itself.
    sqlx::query(
        r#"select set_config('search_path', coalesce(nullif(
               regexp_replace($1, '("?\$user"?\s*,\s*)|(\s*,?\s*"?\$user"?\s*$)', '', 'g'), ''), 'public'), true)"#,
    )
    .bind(path)
    .execute(&mut *connection)
    .await?;
    run(connection, format!("alter role {} in database {} set search_path from current", ident(&admin), ident(&database))).await?;
    sqlx::query("set local search_path = pg_catalog").execute(connection).await?;
    Ok(())
}
