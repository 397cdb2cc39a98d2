//! [`PgWatch`]: what a session of a branch's login may not do to everybody else on the server.

use crate::{
    error::from_sql,
    logins::{membership::may_act_for, names::OF_BRANCHES},
    settings::Settings,
};
use ports::driven::BuildError;
use sqlx::PgConnection;
use std::{fmt, time::Duration};

/// How long whoever works on branches waits for such a session before it is ended, and how often is looked.
const PATIENCE: Duration = Duration::from_secs(1);

/// Watches over the sessions of branches' logins.
///
/// PostgreSQL lets whoever owns a branch lock what belongs to the whole server: a GRANT that grants nothing changes the row of a database all the same, and
/// names a role that is not dropped until the transaction ends. No work in a branch needs such locks for long.
pub struct PgWatch {
    settings: Settings,
}

impl fmt::Debug for PgWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgWatch").finish_non_exhaustive()
    }
}

/// A session that others wait for.
#[derive(sqlx::FromRow)]
pub(crate) struct InTheWay {
    pid: i32,
    /// Process ids are given anew. Not told of a login that we may not act for yet.
    began: Option<i64>,
    login: String,
}

impl PgWatch {
    /// A watch over the server that these settings lead to; nothing is connected yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Watches until it is dropped. Any number of replicas may.
    pub async fn keep(self) {
        let mut connection = None;
        loop {
            tokio::time::sleep(PATIENCE).await;
            if let Err(error) = self.look(&mut connection).await {
                connection = None;
                tracing::warn!(%error, "could not look whether sessions of branches' logins are in the way of others");
            }
        }
    }

    async fn look(&self, kept: &mut Option<PgConnection>) -> Result<(), BuildError> {
        let admin = match kept {
            Some(connection) => connection,
            None => kept.insert(self.settings.watcher().await?),
        };
        let sessions = in_the_way(admin).await?;
        end_all(admin, &sessions).await;
        Ok(())
    }
}

/// Ends each; one that cannot be ended, as that of another server's login, shields no other.
pub(crate) async fn end_all(admin: &mut PgConnection, sessions: &[InTheWay]) {
    for session in sessions {
        if let Err(error) = end(admin, session).await {
            tracing::warn!(%error, login = session.login, pid = session.pid, "a session that is in the way of others' work could not be ended");
        }
    }
}

/// Sessions of branches' logins that the admin's have waited for: those that the queue comes down to, for who waits in it holds up nobody by themselves.
async fn in_the_way(admin: &mut PgConnection) -> Result<Vec<InTheWay>, BuildError> {
    sqlx::query_as(
        "with recursive waits as materialized (
             select distinct l.pid from pg_locks l join pg_stat_activity a on a.pid = l.pid
              where not l.granted and l.waitstart < clock_timestamp() - make_interval(secs => $2)
                and a.usesysid = (select oid from pg_roles where rolname = current_user)
                and starts_with(a.application_name, $3)
         )
         , blocking (pid) as (
             select b from waits w cross join unnest(pg_blocking_pids(w.pid)) b
             union
             select b from blocking c cross join unnest(pg_blocking_pids(c.pid)) b
         )
         select distinct a.pid, (extract(epoch from a.backend_start) * 1000000)::int8 as began, r.rolname::text as login
           from blocking join pg_stat_activity a on a.pid = blocking.pid join pg_roles r on r.oid = a.usesysid
          where r.rolname ~ $1 and not exists (select from pg_locks l where l.pid = a.pid and not l.granted)",
    )
    .bind(OF_BRANCHES)
    .bind(PATIENCE.as_secs_f64())
    .bind(crate::connect::APPLICATION)
    .fetch_all(admin)
    .await
    .map_err(|error| from_sql("looking for sessions that are in the way", error))
}

/// Ends the session, if it is still the one that was seen.
async fn end(admin: &mut PgConnection, session: &InTheWay) -> Result<(), BuildError> {
    may_act_for(admin, &session.login).await?;
    let ended: i64 = sqlx::query_scalar(
        "with session as materialized (
             select a.pid from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
              where a.pid = $1 and r.rolname = $3 and ($2 is null or (extract(epoch from a.backend_start) * 1000000)::int8 = $2)
         ) select count(pg_terminate_backend(pid)) from session",
    )
    .bind(session.pid)
    .bind(session.began)
    .bind(&session.login)
    .fetch_one(admin)
    .await
    .map_err(|error| from_sql("ending a session that is in the way", error))?;
    if ended > 0 {
        let InTheWay { pid, login, .. } = session;
        tracing::warn!(login, pid, "a session of a branch's login held what the work on other branches waited for, and was ended");
    }
    Ok(())
}
