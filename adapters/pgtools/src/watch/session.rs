//! A session of a branch's login that is ended for the sake of all others.

use crate::{
    error::from_sql,
    logins::{membership::may_act_for, names::OF_BRANCHES},
};
use ports::driven::BuildError;
use sqlx::PgConnection;

/// A session that is to be ended.
#[derive(sqlx::FromRow)]
pub(crate) struct Session {
    pid: i32,
    /// Process ids are given anew. Not told of a login that we may not act for yet.
    began: Option<i64>,
    login: String,
    /// Whose branch that is, is told by the database.
    database: Option<String>,
}

/// Why.
#[derive(Clone, Copy)]
pub(crate) enum Reason {
    InTheWay,
    HoldsOurKeys,
    FillsTheQueue,
}

impl Reason {
    fn told(self) -> &'static str {
        match self {
            Self::InTheWay => "held what the work on other branches waited for",
            Self::HoldsOurKeys => "held advisory locks in the database that all branches are kept in order by",
            Self::FillsTheQueue => "kept the server's queue of notifications from being emptied",
        }
    }
}

/// The columns of one, where `a` is its row of `pg_stat_activity` and `r` that of its login.
macro_rules! session_columns {
    () => {
        "a.pid, (extract(epoch from a.backend_start) * 1000000)::int8 as began, r.rolname::text as login, a.datname::text as database"
    };
}
pub(crate) use session_columns;

/// Lets an admin that is no superuser end the sessions that there are now: where locks are at their end, it would be too late for a grant.
pub(super) async fn reach(admin: &mut PgConnection) -> Result<(), BuildError> {
    let logins: Vec<String> = sqlx::query_scalar(
        "select distinct r.rolname::text from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
          where r.rolname ~ $1 and not pg_has_role(r.oid, 'usage') and pg_has_role(r.oid, 'member with admin option')",
    )
    .bind(OF_BRANCHES)
    .fetch_all(&mut *admin)
    .await
    .map_err(|error| from_sql("looking whose sessions there are", error))?;
    for login in logins {
        may_act_for(admin, &login).await?;
    }
    Ok(())
}

/// Ends each; one that cannot be ended, as that of another server's login, shields no other.
pub(crate) async fn end_all(admin: &mut PgConnection, sessions: &[Session], reason: Reason) {
    for session in sessions {
        if let Err(error) = end(admin, session, reason).await {
            let Session { pid, login, database, .. } = session;
            tracing::warn!(%error, login, pid, database, "a session of a branch's login {}, and could not be ended", reason.told());
        }
    }
}

/// Ends the session, if it is still the one that was seen.
async fn end(admin: &mut PgConnection, session: &Session, reason: Reason) -> Result<(), BuildError> {
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
        let Session { pid, login, database, .. } = session;
        tracing::warn!(login, pid, database, "a session of a branch's login {}, and was ended", reason.told());
    }
    Ok(())
}
