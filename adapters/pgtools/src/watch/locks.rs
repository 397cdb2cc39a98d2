//! The table of locks, which all databases of a server share: who takes more of it than a share is ended while it is nearly full.
//!
//! Where it is full to the brim, whatever takes a lock fails, reading a catalogue that all databases share among it, and nobody can connect. So the guard stays in
//! a transaction that has the locks which it needs to end others, and some more to let go.

use crate::{
    connect::{room_for_locks, run},
    error::from_sql,
    logins::names::OF_BRANCHES,
    settings::Settings,
};
use ports::driven::BuildError;
use sqlx::PgConnection;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Places of the table, each once for who holds it: `pg_lock_status` has a row for each mode. What serializable transactions read is kept elsewhere.
macro_rules! held_places {
    () => {
        "select distinct pid, virtualtransaction, locktype, database, relation, page, tuple, virtualxid, transactionid, classid, objid, objsubid
           from pg_lock_status() where not fastpath and mode <> 'SIReadLock'"
    };
}

/// So many locks the guard has to let go: a connection to a branch and what is done over it need a few dozens.
const RESERVE: &str =
    "select count(pg_advisory_xact_lock(hashtextextended('fluxbase: room for the watch', pg_backend_pid()) + i)) from generate_series(1, 64) i";

/// The guard's transaction begins anew so often: whoever wants one of its locks for themselves, as VACUUM FULL of a catalogue does, waits no longer.
const RENEWED: Duration = Duration::from_mins(1);

/// So often it is looked at once whether it helped, and so long is waited: a session that is told to end does so when it gets to it.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// How much of the table is taken. PostgreSQL keeps a place for each thing that is locked, and twice as many for who holds it.
#[derive(sqlx::FromRow)]
struct TableOfLocks {
    used: i64,
    room: i64,
    /// Whether transactions that were prepared hold some.
    prepared: bool,
}

/// A session that took more than its share.
#[derive(sqlx::FromRow)]
struct Hoarder {
    pid: i32,
    login: String,
    database: Option<String>,
    /// Whether it was told to end; not where the admin may not yet act for its login.
    ended: bool,
}

impl TableOfLocks {
    /// Calls functions only, and so can be read when it is full.
    async fn read(admin: &mut PgConnection) -> Result<Self, BuildError> {
        sqlx::query_as(concat!(
            "with held as materialized (",
            held_places!(),
            ")
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
    fn places(&self, full: f64) -> Option<i64> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a number of locks, more or less")]
        let places = (self.room as f64 * full) as i64;
        (self.used > places).then_some(places)
    }
}

/// A session in such a transaction. It holds back no clean-up of old rows: it has no snapshot between its looks.
pub(super) struct Guard {
    connection: PgConnection,
    /// When its transaction began; none after an error.
    armed: Option<Instant>,
    /// Whether it has locks to let go.
    has_reserve: bool,
}

impl Guard {
    pub(super) async fn connect(settings: &Settings) -> Result<Self, BuildError> {
        Ok(Self { connection: settings.watcher().await?, armed: None, has_reserve: false })
    }

    /// Makes room where the table is so full. Gives how many places there are, where it is full all the same and transactions that were prepared have some:
    /// then there are locks to be had for whoever rolls them back.
    pub(super) async fn make_room(&mut self, full: f64) -> Result<Option<i64>, BuildError> {
        if self.armed.is_none_or(|since| since.elapsed() > RENEWED) {
            self.arm().await?;
        }
        let looked = self.look(full).await;
        if looked.is_err() {
            self.armed = None;
        }
        looked
    }

    /// Whether it is still connected: where the server has no room for a lock, it has none for another connection.
    pub(super) async fn is_there(&mut self) -> bool {
        run(&mut self.connection, "rollback").await.is_ok()
    }

    async fn arm(&mut self) -> Result<(), BuildError> {
        self.armed = None;
        run(&mut self.connection, "rollback; begin isolation level read committed").await.map_err(failed)?;
        // What is asked then, where nobody has enough to be ended: it takes the same locks.
        end_hoarders(&mut self.connection, i64::MAX).await?;
        self.has_reserve = false;
        run(&mut self.connection, "savepoint reserve").await.map_err(failed)?;
        self.armed = Some(Instant::now());
        Ok(())
    }

    async fn look(&mut self, full: f64) -> Result<Option<i64>, BuildError> {
        let mut table = TableOfLocks::read(&mut self.connection).await?;
        for _ in 0..LOOKS {
            let Some(places) = table.places(full) else { break };
            let hoarders = end_hoarders(&mut self.connection, places).await?;
            if hoarders.is_empty() {
                break;
            }
            for Hoarder { pid, login, database, ended } in hoarders {
                let outcome = if ended { "was ended" } else { "could not be ended yet" };
                tracing::warn!(
                    login,
                    pid,
                    database,
                    "a session of a branch's login took more than its share of the locks that the server has, and {outcome}"
                );
            }
            sleep(BETWEEN_LOOKS).await;
            table = TableOfLocks::read(&mut self.connection).await?;
        }
        let places = table.places(full);
        self.keep_reserve(places.is_none()).await?;
        Ok(places.filter(|_| table.prepared))
    }

    async fn keep_reserve(&mut self, keep: bool) -> Result<(), BuildError> {
        if keep != self.has_reserve {
            let sql = if keep { RESERVE } else { "rollback to savepoint reserve" };
            run(&mut self.connection, sql).await.map_err(failed)?;
            self.has_reserve = keep;
        }
        Ok(())
    }
}

/// Ends them, while the table has no more than so many places.
///
/// One session may hold an eighth of them, those of all branches together a half; over that, the one that has most goes. What else is in the table belongs to
/// main's own users, or to a clone that reads main, and ending whoever holds a little of the rest would help nobody.
async fn end_hoarders(admin: &mut PgConnection, places: i64) -> Result<Vec<Hoarder>, BuildError> {
    run(admin, "select pg_stat_clear_snapshot()").await.map_err(failed)?;
    sqlx::query_as(concat!(
        "with holders as materialized (
             select a.pid, r.rolname::text as login, a.datname::text as database, r.oid as role, held.places, sum(held.places) over () as of_all,
                    row_number() over (order by held.places desc) as nth
               from (select pid, count(*) as places from (",
        held_places!(),
        ") place group by pid) held
               join pg_stat_activity a on a.pid = held.pid join pg_roles r on r.oid = a.usesysid
              where r.rolname ~ $1
         )
         select pid, login, database, case when pg_has_role(role, 'usage') then pg_terminate_backend(pid) else false end as ended
           from holders where places > $2 / 8 or of_all > $2 / 2 and nth = 1"
    ))
    .bind(OF_BRANCHES)
    .bind(places)
    .fetch_all(admin)
    .await
    .map_err(|error| from_sql("ending who holds most locks", error))
}

fn failed(error: sqlx::Error) -> BuildError {
    from_sql("looking at the table of locks", error)
}
