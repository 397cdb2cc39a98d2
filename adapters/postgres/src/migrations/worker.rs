//! The connection that a file runs on, and whether it is still where it should be.

use super::{
    connect::{prepare, search_path_of_database},
    execute::Statement,
    failure::{from_sql, unreachable},
    in_transaction::{Trouble, trouble},
    keeper::{Keeper, take_lock},
    settings::{MigrationLimits, Seat},
};
use crate::provision::ident;
use domain::migration::Reset;
use ports::driven::{FileFailure, MigrationError};
use sqlx::{AssertSqlSafe, PgConnection};
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
    limits: MigrationLimits,
    /// A lock that its session keeps.
    held: Option<&'static str>,
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
        let (limits, patience) = (settings.limits, settings.limits.lock_timeout);
        Ok(Self { connection, login: login.name, role, path, patience, limits, held: None })
    }

    /// Takes a lock, and keeps it as long as the session lasts.
    pub(super) async fn hold(&mut self, key: &'static str) -> Result<(), MigrationError> {
        self.held = Some(key);
        take_lock(&mut self.connection, self.limits, key).await
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
        self.enter_here(false).await
    }

    async fn enter_here(&mut self, local: bool) -> Result<(), sqlx::Error> {
        sqlx::query("select pg_catalog.set_config('search_path', $1, $2)")
            .bind(&self.path)
            .bind(local)
            .persistent(false)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    /// After a statement that took settings back: what the session began with is the login's, and here it is the database's path and what we have set.
    pub(super) async fn keep_to_ours(&mut self, file: &str, statement: &Statement<'_>) -> Result<(), Trouble> {
        let Some(reset) = Reset::of(&statement.piece) else { return Ok(()) };
        let failed = |error| trouble(file, statement, error);
        if let Reset::SearchPath { local } = reset {
            return self.enter_here(local).await.map_err(failed);
        }
        self.run("set search_path = pg_catalog").await.map_err(failed)?;
        if let Some(key) = self.held.filter(|_| reset == Reset::Everything) {
            take_lock(&mut self.connection, self.limits, key).await?;
        }
        prepare(&mut self.connection, self.patience).await.map_err(failed)?;
        let role = format!("set role {}", ident(&self.role));
        sqlx::raw_sql(AssertSqlSafe(role)).execute(&mut self.connection).await.map_err(failed)?;
        self.enter().await.map_err(failed)
    }

    /// Our own words again, until the transaction ends, whatever the file has set. What lies in `pg_temp` comes last. What it listens to would come in between
    /// the answers to what is ours, and be taken for one of them.
    pub(super) async fn leave(&mut self) -> Result<(), sqlx::Error> {
        self.run("set local statement_timeout = 0; set local search_path = pg_catalog, pg_temp; unlisten *").await
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
