//! What the admin's sessions wait for.

use super::{
    PATIENCE,
    session::{Session, session_columns},
};
use crate::{error::from_sql, logins::names::OF_BRANCHES};
use ports::driven::BuildError;
use sqlx::PgConnection;

/// What the admin's sessions have waited for.
pub(super) struct Blocking {
    /// Sessions of branches' logins: those that the queue comes down to, for who waits in it holds up nobody by themselves.
    pub(super) sessions: Vec<Session>,
    /// Whether a transaction that was prepared is among it, which has no session.
    pub(super) prepared: bool,
}

pub(super) async fn find(admin: &mut PgConnection) -> Result<Blocking, BuildError> {
    let failed = |error| from_sql("looking for sessions that are in the way", error);
    let pids: Vec<i32> = sqlx::query_scalar(
        "with recursive waits as materialized (
             select distinct l.pid from pg_locks l join pg_stat_activity a on a.pid = l.pid
              where not l.granted and l.waitstart < clock_timestamp() - make_interval(secs => $1)
                and a.usesysid = (select oid from pg_roles where rolname = current_user)
                and starts_with(a.application_name, $2)
         )
         , blocking (pid) as (
             select b from waits w cross join unnest(pg_blocking_pids(w.pid)) b
             union
             select b from blocking c cross join unnest(pg_blocking_pids(c.pid)) b
         )
         select pid from blocking",
    )
    .bind(PATIENCE.as_secs_f64())
    .bind(crate::connect::APPLICATION)
    .fetch_all(&mut *admin)
    .await
    .map_err(failed)?;
    let sessions = if pids.is_empty() {
        Vec::new()
    } else {
        sqlx::query_as(concat!(
            "select ",
            session_columns!(),
            " from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
              where a.pid = any($1) and r.rolname ~ $2 and not exists (select from pg_locks l where l.pid = a.pid and not l.granted)"
        ))
        .bind(&pids)
        .bind(OF_BRANCHES)
        .fetch_all(admin)
        .await
        .map_err(failed)?
    };
    Ok(Blocking { sessions, prepared: pids.contains(&NOBODY) })
}

/// PostgreSQL's number for who holds a lock without a session.
const NOBODY: i32 = 0;
