//! Sessions of branches' logins that take turns of our own, or keep the server's queue of notifications full.

use super::session::{Session, session_columns};
use crate::{error::from_sql, logins::names::OF_BRANCHES};
use ports::driven::BuildError;
use sqlx::PgConnection;

/// Those that hold advisory locks in the metadata database, or wait for some: only we take turns there. PostgreSQL shows everybody which keys are in use, so
/// nothing could be kept secret about ours; only where PUBLIC may connect to that database does anybody come there.
pub(super) async fn of_keys(admin: &mut PgConnection) -> Result<Vec<Session>, BuildError> {
    sqlx::query_as(concat!(
        "select ",
        session_columns!(),
        "  from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
          where a.datname = current_database() and r.rolname ~ $1
            and exists (select from pg_lock_status() l where l.pid = a.pid and l.locktype = 'advisory')"
    ))
    .bind(OF_BRANCHES)
    .fetch_all(admin)
    .await
    .map_err(|error| from_sql("looking who holds locks in the metadata database", error))
}

/// The one whose transaction is the oldest, while the queue of notifications is so full: who listens takes none out of it before its transaction ends, and
/// PostgreSQL shows nobody who listens.
pub(super) async fn of_notifications(admin: &mut PgConnection, full: f64) -> Result<Vec<Session>, BuildError> {
    sqlx::query_as(concat!(
        "select ",
        session_columns!(),
        "  from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
          where r.rolname ~ $1 and a.xact_start < clock_timestamp() - interval '1 second' and pg_notification_queue_usage() > $2
          order by a.xact_start limit 1"
    ))
    .bind(OF_BRANCHES)
    .bind(full)
    .fetch_all(admin)
    .await
    .map_err(|error| from_sql("looking at the queue of notifications", error))
}
