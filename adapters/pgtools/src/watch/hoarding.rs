//! Sessions of branches' logins that take what the server has once for all databases, or what our own work is kept in order by.

use super::session::{Session, session_columns};
use crate::{connect::room_for_locks, error::from_sql, logins::names::OF_BRANCHES};
use ports::driven::BuildError;
use sqlx::PgConnection;

/// How much of the table of locks is taken. PostgreSQL keeps a place for each thing that is locked, and twice as many for who holds it.
#[derive(sqlx::FromRow)]
pub(super) struct TableOfLocks {
    used: i64,
    room: i64,
    /// Whether transactions that were prepared hold some.
    pub(super) prepared: bool,
}

impl TableOfLocks {
    pub(super) async fn read(admin: &mut PgConnection) -> Result<Self, BuildError> {
        sqlx::query_as(concat!(
            "with held as materialized (
                 select distinct pid, virtualtransaction, locktype, database, relation, page, tuple, virtualxid, transactionid, classid, objid, objsubid
                   from pg_lock_status() where not fastpath
             )
             select greatest((select count(*) from (select from held group by locktype, database, relation, page, tuple, virtualxid, transactionid, classid,
                                                                              objid, objsubid) thing),
                             count(*) / 2) as used,
                    coalesce(bool_or(pid is null), false) as prepared, ",
            room_for_locks!(),
            " as room from held"
        ))
        .fetch_one(admin)
        .await
        .map_err(|error| from_sql("looking how many locks there are", error))
    }

    /// How much of it so much is, where so much of it is taken: 1 is full.
    pub(super) fn places(&self, full: f64) -> Option<i64> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a number of locks, more or less")]
        let places = (self.room as f64 * full) as i64;
        (self.used > places).then_some(places)
    }
}

/// The one that holds most of the locks, while the table of locks has no more than so many places.
///
/// Only one that has more than its share: one session may hold an eighth of them, those of all branches together a half. What else is in the table belongs to
/// main's own users, or to a clone that reads main, and ending whoever holds a little of the rest would help nobody.
pub(super) async fn of_locks(admin: &mut PgConnection, places: i64) -> Result<Vec<Session>, BuildError> {
    // From the function itself, once: the view of it would be read anew for each look at it.
    sqlx::query_as(concat!(
        "with holders as materialized (
             select ",
        session_columns!(),
        ", held.locks, sum(held.locks) over () as of_all
               from (select pid, count(*) as locks from pg_lock_status() where not fastpath group by pid) held
               join pg_stat_activity a on a.pid = held.pid join pg_roles r on r.oid = a.usesysid
              where r.rolname ~ $1
         )
         select pid, began, login, database from holders where locks > $2 / 8 or of_all > $2 / 2 order by locks desc limit 1"
    ))
    .bind(OF_BRANCHES)
    .bind(places)
    .fetch_all(admin)
    .await
    .map_err(|error| from_sql("looking who holds locks", error))
}

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
