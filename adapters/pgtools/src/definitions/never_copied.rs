//! What is never cloned, whatever the mode.

use crate::error::from_sql;
use ports::driven::BuildError;
use sqlx::PgConnection;

/// Extensions that act by themselves, from one database of the server only: a branch must not.
pub(crate) const EXTENSIONS: &[&str] = &["pg_cron"];

/// Extensions that show the statements of the whole server to whoever acts as the role that ran them, which in branches is one role for all: what is named after
/// such an extension is not for everybody in a branch.
pub(crate) const WATCHING: &[&str] = &["pg_stat_statements", "pg_stat_monitor", "pg_qualstats"];

/// Schemas of main's database that hold the control plane. Others are the user's, whatever their names begin with.
pub(crate) async fn control_schemas(parent: &mut PgConnection, parent_is_main: bool) -> Result<Vec<String>, BuildError> {
    if !parent_is_main {
        return Ok(Vec::new());
    }
    sqlx::query_scalar("select nspname::text from pg_namespace where nspname in ('branching', 'fluxbase') order by 1")
        .fetch_all(parent)
        .await
        .map_err(|error| from_sql("reading the parent's schemas", error))
}
