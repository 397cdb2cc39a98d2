//! One worker at a time builds or drops a branch's databases, whatever its lease says.

use crate::{
    connect::run,
    error::{from_sql, retryable, sql_state},
    settings::Settings,
};
use domain::BranchId;
use ports::driven::BuildError;
use sqlx::{Connection, PgConnection};
use std::time::Duration;

/// How long a stale worker may take to let go.
const PATIENCE: &str = "15s";
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Holds a branch against other workers while its connection lives: an advisory lock of the metadata database.
///
/// Databases are created and dropped over this very connection. A worker that is killed leaves its statements running, and PostgreSQL lets go of the
/// lock only when they have ended: over another connection a CREATE DATABASE could come to its end after the next worker had cleaned up.
pub(crate) struct Claim {
    connection: PgConnection,
}

impl Claim {
    pub(crate) async fn take(settings: &Settings, branch: BranchId) -> Result<Self, BuildError> {
        let mut connection = settings.admin().await?;
        let locked = async {
            run(&mut connection, format!("set lock_timeout = '{PATIENCE}'")).await?;
            let key = format!("fluxbase {} {branch}", settings.instance);
            sqlx::query("select pg_advisory_lock(hashtextextended($1, 0))").bind(key).execute(&mut connection).await?;
            run(&mut connection, "set lock_timeout = 0").await
        };
        match locked.await {
            Ok(()) => Ok(Self { connection }),
            Err(error) if sql_state(&error).as_deref() == Some("55P03") => Err(retryable("another worker is still at work on this branch")),
            Err(error) => Err(from_sql("claiming the branch", error)),
        }
    }

    /// The admin's connection to the metadata database, for what must not outlive the hold.
    pub(crate) fn admin(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Ends only when the lock is gone with its connection: from then on another worker may be at the same branch.
    pub(crate) async fn lost(&mut self) -> BuildError {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            if let Err(error) = self.connection.ping().await {
                return from_sql("the hold on the branch was lost", error);
            }
        }
    }

    /// Lets go. A connection that cannot say goodbye is closed by being dropped.
    pub(crate) async fn release(self) {
        let _ = self.connection.close().await;
    }
}
