//! What is never cloned, whatever the mode.

use crate::{error::from_sql, settings::LEDGER_SCHEMA};
use ports::driven::BuildError;
use sqlx::PgConnection;

/// Extensions that act by themselves, from one database of the server only: a branch must not.
pub(crate) const EXTENSIONS: &[&str] = &["pg_cron"];

/// Schemas of main's database that hold the control plane.
pub(crate) async fn control_schemas(parent: &mut PgConnection, parent_is_main: bool) -> Result<Vec<String>, BuildError> {
    if !parent_is_main {
        return Ok(Vec::new());
    }
    sqlx::query_scalar(
        r"select nspname::text from pg_namespace
           where (nspname in ('branching', 'fluxbase') or nspname like 'fluxbase\_%') and nspname <> $1 order by 1",
    )
    .bind(LEDGER_SCHEMA)
    .fetch_all(parent)
    .await
    .map_err(|error| from_sql("reading the parent's schemas", error))
}
