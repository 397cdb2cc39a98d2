//! Rows of databases and roles, which belong to the whole server: PostgreSQL does not wait with a second change for the first, it fails ("tuple concurrently
//! updated"). Whoever has a login into a branch could change such a row again and again.

use crate::{
    connect,
    error::{from_sql, sql_state},
    logins::names::OF_BRANCHES,
    watch::{Reason, Session, end_all, session_columns},
};
use ports::driven::BuildError;
use sqlx::PgConnection;
use std::time::Duration;

/// Tries beyond the first. Whoever is in the way is ended before each.
const MORE: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// Awaits an attempt over the admin's connection, again where somebody else changed the same row meanwhile: a transaction from its beginning.
macro_rules! again {
    ($admin:expr, $attempt:expr) => {{
        let mut tries = $crate::contended::Tries::default();
        loop {
            match $attempt.await {
                Err(error) if tries.again($admin, &error).await => {}
                outcome => break outcome,
            }
        }
    }};
}
pub(crate) use again;

/// Runs statements that are no part of a transaction that began before.
pub(crate) async fn run(admin: &mut PgConnection, sql: impl Into<String>) -> Result<(), sqlx::Error> {
    let sql = sql.into();
    again!(&mut *admin, connect::run(&mut *admin, sql.as_str()))
}

/// What an attempt came to nothing by.
pub(crate) trait Failed {
    /// What PostgreSQL said, where it was that.
    fn said(&self) -> Option<&sqlx::Error>;
}

impl Failed for sqlx::Error {
    fn said(&self) -> Option<&sqlx::Error> {
        Some(self)
    }
}

/// Already told as the port tells it.
impl Failed for BuildError {
    fn said(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Retryable { source: Some(source), .. } => source.downcast_ref(),
            _ => None,
        }
    }
}

/// How often something was tried again.
#[derive(Default)]
pub(crate) struct Tries(u32);

impl Tries {
    /// Whether to try again after this error. Who is in the way is ended by then.
    pub(crate) async fn again(&mut self, admin: &mut PgConnection, error: &impl Failed) -> bool {
        if self.0 == MORE || !error.said().is_some_and(is_contended) {
            return false;
        }
        if let Err(error) = end_others(admin).await {
            tracing::warn!(%error, "could not look which sessions of branches' logins change databases and roles");
        }
        tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(self.0)).await;
        self.0 += 1;
        true
    }
}

fn is_contended(error: &sqlx::Error) -> bool {
    sql_state(error).as_deref() == Some("XX000") && error.as_database_error().is_some_and(|error| error.message().starts_with("tuple concurrently"))
}

/// Ends sessions of branches' logins that are changing what belongs to the whole server.
async fn end_others(admin: &mut PgConnection) -> Result<(), BuildError> {
    let others: Vec<Session> = sqlx::query_as(concat!(
        "select distinct ",
        session_columns!(),
        "  from pg_locks l join pg_stat_activity a on a.pid = l.pid join pg_roles r on r.oid = a.usesysid
          where l.locktype = 'relation' and l.granted and l.mode = 'RowExclusiveLock' and r.rolname ~ $1
            and l.relation in ('pg_database'::regclass, 'pg_authid'::regclass, 'pg_auth_members'::regclass, 'pg_db_role_setting'::regclass)"
    ))
    .bind(OF_BRANCHES)
    .fetch_all(&mut *admin)
    .await
    .map_err(|error| from_sql("looking who changes databases and roles", error))?;
    end_all(&mut *admin, &others, Reason::InTheWay).await;
    Ok(())
}
