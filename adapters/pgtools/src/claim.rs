//! One worker at a time builds or drops a branch's databases, whatever its lease says.

use crate::{
    connect::run,
    error::{from_sql, retryable, sql_state},
    kept_connections::Kept,
    settings::Settings,
};
use domain::BranchId;
use ports::driven::BuildError;
use sqlx::{Connection, PgConnection};
use std::{future::Future, time::Duration};

/// How long a stale worker may take to let go.
const PATIENCE: &str = "15s";
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long a living holder never says nothing.
const SILENCE: Duration = Duration::from_secs(10);

/// Holds a branch against other workers while its connection lives: an advisory lock of the metadata database.
///
/// Databases are created and dropped over this very connection. A worker that is killed leaves its statements running, and PostgreSQL lets go of the
/// lock only when they have ended: over another connection a CREATE DATABASE could come to its end after the next worker had cleaned up.
pub(crate) struct Claim {
    connection: PgConnection,
}

impl Claim {
    /// Takes hold of a branch over a connection that was kept. Whoever holds it and is silent was frozen, and another has its work by now: its session is ended.
    pub(crate) async fn take(settings: &Settings, kept: &Kept, branch: BranchId) -> Result<Self, BuildError> {
        let what = branch.to_string();
        match Self::over(kept.take(settings).await?, settings, &what).await {
            Err(BuildError::Retryable { .. }) if end_silent(settings, &what).await? => Self::of(settings, &what).await,
            outcome => outcome,
        }
    }

    /// Takes hold of something that has a name of its own: a branch's id, an operation's.
    pub(crate) async fn of(settings: &Settings, what: &str) -> Result<Self, BuildError> {
        Self::over(settings.admin().await?, settings, what).await
    }

    async fn over(mut connection: PgConnection, settings: &Settings, what: &str) -> Result<Self, BuildError> {
        if try_lock(&mut connection, settings, what).await? {
            return Ok(Self { connection });
        }
        let locked = async {
            run(&mut connection, format!("set lock_timeout = '{PATIENCE}'")).await?;
            sqlx::query("select pg_advisory_lock(hashtextextended($1, 0))").bind(key(settings, what)).execute(&mut connection).await?;
            run(&mut connection, "set lock_timeout = 0").await
        };
        match locked.await {
            Ok(()) => Ok(Self { connection }),
            Err(error) if sql_state(&error).as_deref() == Some("55P03") => Err(retryable("another worker is still at work on this branch")),
            Err(error) => Err(from_sql("claiming the branch", error)),
        }
    }

    /// The same without waiting; `None` where somebody holds it.
    pub(crate) async fn try_take(settings: &Settings, what: &str) -> Result<Option<Self>, BuildError> {
        let mut connection = settings.admin().await?;
        let taken = try_lock(&mut connection, settings, what).await?;
        Ok(taken.then_some(Self { connection }))
    }

    /// Works on while it is held, and ends when that is no longer sure.
    pub(crate) async fn while_held<T>(&mut self, work: impl Future<Output = Result<T, BuildError>>) -> Result<T, BuildError> {
        tokio::select! {
            outcome = work => outcome,
            lost = self.lost() => Err(lost),
        }
    }

    /// Holds on while this process runs: PostgreSQL ends the session of one that is frozen.
    pub(crate) async fn keep_while_alive(mut self) {
        let limit = format!("set idle_session_timeout = {}", SILENCE.as_millis());
        if run(&mut self.connection, limit).await.is_ok() {
            self.lost().await;
        }
    }

    /// The admin's connection to the metadata database, for what must not outlive the hold.
    pub(crate) fn admin(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Ends only when the lock is gone with its connection: from then on another worker may be at the same branch.
    async fn lost(&mut self) -> BuildError {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            if let Err(error) = self.connection.ping().await {
                return from_sql("the hold on the branch was lost", error);
            }
        }
    }

    /// Lets go, and keeps the connection for whoever comes next.
    pub(crate) async fn release_to(mut self, kept: &Kept) {
        // Locks of the session alone are left of what was done: settings that were changed were changed back.
        if run(&mut self.connection, "select pg_advisory_unlock_all()").await.is_ok() {
            kept.keep(self.connection);
        }
    }

    /// Lets go. A connection that cannot say goodbye is closed by being dropped.
    pub(crate) async fn release(self) {
        let _ = self.connection.close().await;
    }
}

async fn try_lock(connection: &mut PgConnection, settings: &Settings, what: &str) -> Result<bool, BuildError> {
    sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 0))")
        .bind(key(settings, what))
        .fetch_one(connection)
        .await
        .map_err(|error| from_sql(format!("claiming '{what}'"), error))
}

/// Ends the session of a holder that has said nothing for long; whether there was one. Who is alive says something every other second, unless a statement of its
/// own is under way.
async fn end_silent(settings: &Settings, what: &str) -> Result<bool, BuildError> {
    let mut connection = settings.admin().await?;
    let ended = sqlx::query_scalar(
        "with held as (select hashtextextended($1, 0) as key)
         select coalesce(bool_or(pg_terminate_backend(a.pid)), false)
         from held cross join pg_locks l join pg_stat_activity a on a.pid = l.pid
         where l.locktype = 'advisory' and l.granted and l.objsubid = 1
           and l.database = (select oid from pg_database where datname = current_database())
           and l.classid = ((key >> 32) & 4294967295)::oid and l.objid = (key & 4294967295)::oid
           and a.state like 'idle%' and a.state_change < clock_timestamp() - make_interval(secs => $2)",
    )
    .bind(key(settings, what))
    .bind(SILENCE.as_secs_f64())
    .fetch_one(&mut connection)
    .await
    .map_err(|error| from_sql(format!("looking who holds '{what}'"), error))?;
    let _ = connection.close().await;
    Ok(ended)
}

fn key(settings: &Settings, what: &str) -> String {
    format!("fluxbase {} {what}", settings.instance)
}
