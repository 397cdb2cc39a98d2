//! Databases without an encoding (`SQL_ASCII`): their rows are copied byte for byte, but their definitions are read as UTF-8.

use crate::error::{from_sql, listed, refused};
use ports::driven::BuildError;
use sqlx::PgConnection;

/// Refuses definitions that are no UTF-8, by name: another letter in one would be another definition.
pub(crate) async fn check(parent: &mut PgConnection, excluded: &[String]) -> Result<(), BuildError> {
    const SHOWN: usize = 20;
    let failed = |error| from_sql("reading which definitions are UTF-8", error);
    let encoding: String = sqlx::query_scalar("select getdatabaseencoding()::text").fetch_one(&mut *parent).await.map_err(failed)?;
    if encoding != "SQL_ASCII" {
        return Ok(());
    }
    let unreadable: Vec<String> = sqlx::query_scalar(include_str!("sql/no_utf8.sql")).bind(excluded).fetch_all(parent).await.map_err(failed)?;
    if unreadable.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the database has no encoding (SQL_ASCII), and what it says in these definitions is no UTF-8: {}. Say it anew in UTF-8; rows may hold any bytes",
        listed(&unreadable, SHOWN)
    );
    Err(refused("definitions_refused", message))
}
