//! Roles belong to the whole server: who changes those of the same branch or database waits here for whoever does already.

use crate::{error::from_sql, settings::Settings};
use domain::BranchId;
use ports::driven::BuildError;
use sqlx::PgConnection;

/// Roles belong to the whole server: those that make or change the logins of the same database, which its builder stands for, go one after the other.
pub(crate) async fn lock_logins(transaction: &mut PgConnection, builder: &str) -> Result<(), sqlx::Error> {
    sqlx::query(sqlx::AssertSqlSafe(format!("select {}", lock_logins_of("$1")))).bind(builder).execute(transaction).await.map(|_| ())
}

/// The same, within a statement; the builder's name as it stands there.
pub(crate) fn lock_logins_of(builder: &str) -> String {
    format!("pg_advisory_xact_lock(hashtextextended('fluxbase logins ' || {builder}, 0))")
}

/// Whoever changes a branch's role holds this until the transaction ends.
pub(crate) async fn lock_connection_role(transaction: &mut PgConnection, settings: &Settings, branch: BranchId) -> Result<(), BuildError> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(format!("fluxbase connection {} {branch}", settings.instance))
        .execute(transaction)
        .await
        .map(drop)
        .map_err(|error| from_sql("taking turns at the branch's login", error))
}
