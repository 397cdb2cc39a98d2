//! The connection that holds a database against other runners, and writes the ledger where the file's own connection cannot.

use super::{
    failure::{from_sql, refused, sqlstate, unreachable},
    ledger_guard::{self, Hold, LEDGER, OwnTable, SEEDS},
    settings::{MigrationLimits, MigrationSettings},
};
use crate::provision;
use domain::OperationId;
use ports::driven::{DatabasePlace, MigrationError};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// One runner at a time: the first key is the keeper's for the whole of the work. The second is held by the connection of a file without a transaction,
/// whose statement may work on after its runner was killed.
pub(super) const TURN: &str = "fluxbase migrations";
pub(super) const BARE: &str = "fluxbase migrations without a transaction";

/// Holds the database's turn while it lives.
pub(super) struct Keeper<'a> {
    pub(super) settings: &'a MigrationSettings,
    pub(super) target: &'a DatabasePlace,
    pub(super) operation: Option<OperationId>,
    pub(super) connection: PgConnection,
}

impl<'a> Keeper<'a> {
    /// Waits for the turn. Makes the ledger in a branch that is older than it.
    pub(super) async fn take(
        settings: &'a MigrationSettings,
        target: &'a DatabasePlace,
        operation: Option<OperationId>,
    ) -> Result<Self, MigrationError> {
        let mut connection = settings.connect(target, operation).await?;
        take_lock(&mut connection, settings.limits, TURN).await?;
        if !has_table(&mut connection, &LEDGER).await? || !has_table(&mut connection, &SEEDS).await? {
            make_tables(&mut connection, target).await?;
        }
        Ok(Self { settings, target, operation, connection })
    }

    /// A look at one of our tables, in a transaction that keeps it as it is.
    pub(super) async fn begin(&mut self, table: &OwnTable, hold: Hold) -> Result<sqlx::Transaction<'_, sqlx::Postgres>, MigrationError> {
        let mut transaction = self.connection.begin().await.map_err(|error| from_sql("beginning", error))?;
        ledger_guard::check(&mut transaction, table, self.target.is_main, hold).await?;
        Ok(transaction)
    }

    /// Lets the next one work. A connection that cannot say goodbye is closed by being dropped.
    pub(super) async fn release(self) {
        let _ = self.connection.close().await;
    }
}

/// A session's advisory lock of this database, with a limit to the waiting. Whoever keeps the turn that long is at work on files of their own: that is told,
/// and not waited for again and again: what earlier turns at the same operation left is ended before. What a killed runner's statement still does ends by itself.
pub(super) async fn take_lock(connection: &mut PgConnection, limits: MigrationLimits, key: &'static str) -> Result<(), MigrationError> {
    let MigrationLimits { turn, lock_timeout, .. } = limits;
    match lock(connection, turn.as_millis(), lock_timeout.as_millis(), key).await {
        Ok(()) => Ok(()),
        Err(error) if sqlstate(&error).as_deref() == Some("55P03") && key == TURN => {
            let message = format!("somebody else is migrating this database, and was not done within {} s: try again when they are", turn.as_secs());
            Err(refused("migrations_busy", message))
        }
        Err(error) if sqlstate(&error).as_deref() == Some("55P03") => {
            Err(MigrationError::Retryable { message: "another run is still at work on this database".to_owned(), source: None })
        }
        Err(error) => Err(from_sql("waiting for the turn", error)),
    }
}

async fn lock(connection: &mut PgConnection, turn: u128, lock_timeout: u128, key: &'static str) -> Result<(), sqlx::Error> {
    let sql = format!("set lock_timeout = {turn}; select pg_advisory_lock(hashtextextended('{key}', 0)); set lock_timeout = {lock_timeout}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
}

pub(super) async fn has_table(connection: &mut PgConnection, table: &OwnTable) -> Result<bool, MigrationError> {
    sqlx::query_scalar("select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'fluxbase_migrations' and c.relname = $1)")
        .bind(table.name)
        .fetch_one(connection)
        .await
        .map_err(|error| from_sql("looking for the ledger", error))
}

/// Whether the ledger is not there although it once was: nobody but us makes it, and we never drop it.
pub(super) async fn is_gone(connection: &mut PgConnection) -> Result<bool, MigrationError> {
    let failed = |error| from_sql("looking for the ledger", error);
    let ours: bool =
        sqlx::query_scalar("select to_regclass('fluxbase_migrations.data') is not null").fetch_one(&mut *connection).await.map_err(failed)?;
    if !ours {
        return Ok(false);
    }
    sqlx::query_scalar("select exists (select from fluxbase_migrations.data where description = 'ledger' and success)")
        .fetch_one(connection)
        .await
        .map_err(failed)
}

/// A branch that was made before there was a ledger gets it now, over the same login.
async fn make_tables(connection: &mut PgConnection, target: &DatabasePlace) -> Result<(), MigrationError> {
    if target.is_main {
        return Err(refused("ledger_missing", "main's database has no ledger yet: it is made when the server starts"));
    }
    provision::migrate_data_over(connection).await.map(drop).map_err(|error| match error {
        provision::ProvisionError::Database(error) => unreachable(&target.database, error),
        error => refused("ledger_missing", format!("the ledger cannot be made here: {error}")),
    })
}
