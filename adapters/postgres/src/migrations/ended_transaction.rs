//! After a file found a way to end its transaction that nobody could read in it.

use super::{failure::from_sql, keeper::Keeper};
use ports::driven::{FileFailure, MigrationError};

/// Rolls back what the file prepared instead of ending it, and says what may be left: what it committed stays.
pub(super) async fn clear_up(keeper: &mut Keeper<'_>, mut failure: FileFailure, transaction: &str) -> Result<FileFailure, MigrationError> {
    roll_back_prepared(keeper, transaction).await?;
    failure.message.push_str(". What stood before that may be there for good: reset the branch, or undo it by hand");
    Ok(failure)
}

/// A transaction that a file prepared would hold its locks for ever, those on our own tables too.
async fn roll_back_prepared(keeper: &mut Keeper<'_>, transaction: &str) -> Result<(), MigrationError> {
    let failed = |error| from_sql("rolling back what was prepared", error);
    // Prepared transactions are named by the lower half of their number.
    let names: Vec<String> = sqlx::query_scalar(
        "select gid from pg_prepared_xacts where database = current_database() and transaction::text::bigint = ($1::bigint & 4294967295)",
    )
    .bind(transaction.parse::<i64>().unwrap_or_default())
    .fetch_all(&mut keeper.connection)
    .await
    .map_err(failed)?;
    for name in names {
        let sql = format!("rollback prepared {}", crate::provision::literal(&name));
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut keeper.connection).await.map_err(failed)?;
    }
    Ok(())
}
