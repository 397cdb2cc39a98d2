//! One worker at a time builds or drops a branch's databases, whatever its lease says.

use crate::{
    connect::{APPLICATION, run},
    database::tag::short,
    error::{from_sql, retryable, sql_state},
    kept_connections::Kept,
    logins::membership::may_act_for,
    settings::Settings,
};
use domain::BranchId;
use ports::driven::{BuildError, BuildRequest, LoginPurpose};
use sqlx::{Connection, PgConnection};
use std::{future::Future, time::Duration};
use uuid::Uuid;

/// How long a stale worker may take to let go.
const PATIENCE: &str = "15s";
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long a living holder never says nothing.
const SILENCE: Duration = Duration::from_secs(10);

/// Holds a branch against other workers while its connection lives: an advisory lock of the metadata database.
///
/// Databases are created and dropped over this very connection. A worker that is killed leaves its statements running, and PostgreSQL lets go of the
/// lock only when they have ended: over another connection a CREATE DATABASE could come to its end after the next worker had cleaned up.
///
/// That nobody else is at the branch does not say that its holder's operation is still its own: whoever drops something asks for that once it holds the branch
/// ([`BuildProgress::still_mine`](ports::driven::BuildProgress::still_mine)). Frozen after that, it loses this connection before another begins.
pub(crate) struct Claim {
    connection: PgConnection,
    what: String,
    instance: Uuid,
}

impl Claim {
    /// Takes hold of a branch over a connection that was kept. Whoever holds it and is silent was frozen, and another has its work by now: its session is ended.
    pub(crate) async fn take(settings: &Settings, kept: &Kept, branch: BranchId) -> Result<Self, BuildError> {
        Self::from_silent(kept.take(settings).await?, settings, &branch.to_string()).await
    }

    /// Takes hold of something else that has a name of its own, such as an operation's id.
    pub(crate) async fn of(settings: &Settings, what: &str) -> Result<Self, BuildError> {
        Self::from_silent(settings.admin().await?, settings, what).await
    }

    async fn from_silent(connection: PgConnection, settings: &Settings, what: &str) -> Result<Self, BuildError> {
        match Self::over(connection, settings, what).await {
            Err(BuildError::Retryable { .. }) if end_silent(settings, what).await? => Self::over(settings.admin().await?, settings, what).await,
            outcome => outcome,
        }
    }

    async fn over(mut connection: PgConnection, settings: &Settings, what: &str) -> Result<Self, BuildError> {
        wait(&mut connection, settings, what).await?;
        Ok(Self::held(connection, settings, what))
    }

    /// The same without waiting; `None` where somebody holds it.
    pub(crate) async fn try_take(settings: &Settings, what: &str) -> Result<Option<Self>, BuildError> {
        let mut connection = settings.admin().await?;
        let taken = try_lock(&mut connection, settings, what).await?;
        Ok(taken.then(|| Self::held(connection, settings, what)))
    }

    /// The same, where it is not from a holder that is silent: that has to say something every few seconds.
    pub(crate) async fn try_take_from_silent(settings: &Settings, what: &str) -> Result<Option<Self>, BuildError> {
        match Self::try_take(settings, what).await? {
            None if end_silent(settings, what).await? => Self::over(settings.admin().await?, settings, what).await.map(Some),
            outcome => Ok(outcome),
        }
    }

    fn held(connection: PgConnection, settings: &Settings, what: &str) -> Self {
        Self { connection, what: what.to_owned(), instance: settings.instance }
    }

    /// What sessions of a build under this hold are known by: the same as of those before it. PostgreSQL keeps 63 bytes, and an id has 36.
    pub(crate) fn build_name(&self) -> String {
        format!("{APPLICATION} {} {}", short(self.instance), self.what)
    }

    /// Ends what builds that lost the hold left in their parents. Such a process may be frozen: it would keep its locks on the parent's tables for ever, and
    /// somebody's ALTER TABLE with all that comes after it. `now`: what is built next, which is from the same parent.
    pub(crate) async fn end_earlier_builds(&mut self, settings: &Settings, now: Option<&BuildRequest>) -> Result<(), BuildError> {
        if let Some(request) = now.filter(|request| !request.parent_is_main) {
            may_act_for(&mut self.connection, &settings.logins.of(LoginPurpose::Builder, &request.parent).name).await?;
        }
        // Whoever gives his session this name loses that one: it may be anybody's.
        let ended: i64 = sqlx::query_scalar(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = $1 and pg_has_role(usesysid, 'usage')",
        )
        .bind(self.build_name())
        .fetch_one(&mut self.connection)
        .await
        .map_err(|error| from_sql("ending what an earlier build left", error))?;
        if ended > 0 {
            tracing::info!(ended, of = self.what, "sessions of an earlier build were ended");
        }
        Ok(())
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

/// Takes something for a moment, over a connection that holds other things too. Whoever has it and is silent loses its session.
pub(crate) async fn lock(connection: &mut PgConnection, settings: &Settings, what: &str) -> Result<(), BuildError> {
    match wait(&mut *connection, settings, what).await {
        Err(BuildError::Retryable { .. }) if end_silent(settings, what).await? => wait(connection, settings, what).await,
        outcome => outcome,
    }
}

/// Lets go of it.
pub(crate) async fn unlock(connection: &mut PgConnection, settings: &Settings, what: &str) -> Result<(), BuildError> {
    sqlx::query("select pg_advisory_unlock(hashtextextended($1, 0))")
        .bind(key(settings, what))
        .execute(connection)
        .await
        .map(drop)
        .map_err(|error| from_sql(format!("letting go of '{what}'"), error))
}

/// Waits for a lock, but not for ever.
async fn wait(connection: &mut PgConnection, settings: &Settings, what: &str) -> Result<(), BuildError> {
    if try_lock(&mut *connection, settings, what).await? {
        return Ok(());
    }
    run(&mut *connection, format!("set lock_timeout = '{PATIENCE}'")).await.map_err(|error| from_sql("claiming the branch", error))?;
    let locked = sqlx::query("select pg_advisory_lock(hashtextextended($1, 0))").bind(key(settings, what)).execute(&mut *connection).await;
    run(connection, "set lock_timeout = 0").await.map_err(|error| from_sql("claiming the branch", error))?;
    match locked {
        Ok(_) => Ok(()),
        Err(error) if sql_state(&error).as_deref() == Some("55P03") => Err(retryable("another worker is still at work on this branch")),
        Err(error) => Err(from_sql("claiming the branch", error)),
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
