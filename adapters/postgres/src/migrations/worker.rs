//! The connection that a file runs on, and whether it is still where it should be.

use super::{
    connect::search_path_of_database,
    execute::Statement,
    failure::{from_sql, unreachable},
    keeper::Keeper,
    settings::Seat,
};
use ports::driven::{FileFailure, MigrationError};
use sqlx::PgConnection;
use std::time::Duration;

/// A connection for one file.
pub(super) struct Worker {
    pub(super) connection: PgConnection,
    /// Whom it connected as, and whom it became.
    login: String,
    role: String,
    path: String,
    /// How long it waits for a lock, where the file has not said otherwise.
    patience: Duration,
}

/// Where a connection is.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Place {
    /// The transaction that has written something.
    pub(super) transaction: Option<String>,
    role: String,
    login: String,
    /// What the server takes our bytes for.
    encoding: String,
}

impl Worker {
    /// Opens one, with `pg_catalog` as its search path until [`Worker::enter`].
    pub(super) async fn open(keeper: &Keeper<'_>) -> Result<Self, MigrationError> {
        let Keeper { settings, target, operation, .. } = keeper;
        let Seat { login, role } = settings.seat(target)?;
        let mut connection = settings.connect(target, *operation).await?;
        let path = search_path_of_database(&mut connection).await.map_err(|error| unreachable(&target.database, error))?;
        let patience = settings.limits.lock_timeout;
        Ok(Self { connection, login: login.name, role, path, patience })
    }

    /// From here on it waits so long for a lock, unless the file has said how long it wants to wait.
    pub(super) async fn wait_for_locks(&mut self, patience: Duration) -> Result<(), sqlx::Error> {
        if patience == self.patience {
            return Ok(());
        }
        sqlx::query(
            "select pg_catalog.set_config('lock_timeout', $2, false) from pg_catalog.pg_settings
              where name operator(pg_catalog.=) 'lock_timeout' and setting operator(pg_catalog.=) $1",
        )
        .bind(self.patience.as_millis().to_string())
        .bind(patience.as_millis().to_string())
        .persistent(false)
        .execute(&mut self.connection)
        .await?;
        self.patience = patience;
        Ok(())
    }

    /// From here on names mean what they mean in this database.
    pub(super) async fn enter(&mut self) -> Result<(), sqlx::Error> {
        sqlx::query("select set_config('search_path', $1, false)").bind(&self.path).execute(&mut self.connection).await.map(drop)
    }

    /// Our own words again, until the transaction ends, whatever the file has set. What lies in `pg_temp` comes last.
    pub(super) async fn leave(&mut self) -> Result<(), sqlx::Error> {
        self.run("set local statement_timeout = 0; set local search_path = pg_catalog, pg_temp").await
    }

    pub(super) async fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(sql).execute(&mut self.connection).await.map(drop)
    }

    pub(super) async fn begin(&mut self) -> Result<(), MigrationError> {
        self.run("begin isolation level read committed, read write").await.map_err(|error| from_sql("beginning", error))
    }

    /// Where the connection is, whatever its search path.
    pub(super) async fn place(&mut self) -> Result<Place, sqlx::Error> {
        sqlx::query_as(
            "select pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text as transaction, current_user::pg_catalog.text as role,
                    session_user::pg_catalog.text as login, pg_catalog.current_setting('client_encoding') as encoding",
        )
        .persistent(false)
        .fetch_one(&mut self.connection)
        .await
    }

    /// What is wrong where a statement has left the role that everything here belongs to, or has the server take our texts for others than they are.
    pub(super) fn astray(&self, place: &Place, file: &str, statement: &Statement<'_>) -> Option<FileFailure> {
        if place.encoding != "UTF8" {
            let message = format!(
                "it sets client_encoding to '{}', and files are sent as the UTF-8 that they are: every letter beyond ASCII would become another. Take it \
                 out, or set it to 'UTF8'",
                place.encoding
            );
            return Some(statement.failure("leaves_utf8", file, message));
        }
        if place.role == self.role && place.login == self.login {
            return None;
        }
        let message = format!(
            "it leaves the role '{}', which owns everything here, for '{}': what comes after would belong to another. Take SET ROLE or SET SESSION \
             AUTHORIZATION out",
            self.role, place.role
        );
        Some(statement.failure("leaves_role", file, message))
    }
}
