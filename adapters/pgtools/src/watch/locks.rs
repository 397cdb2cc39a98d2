//! The table of locks, which all databases of a server share: who takes more of it than a share is ended while it is nearly full.
//!
//! Where it is full to the brim, whatever takes a lock fails: reading a catalogue, and so making a plan, and connecting. The guard stays in a transaction that has
//! the locks of all catalogues which ending others could ask, whatever was forgotten of them, and some more to let go.

use crate::{
    connect::{room_for_locks, run},
    error::from_sql,
    logins::names::OF_BRANCHES,
    settings::Settings,
};
use ports::driven::BuildError;
use sqlx::PgConnection;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Places of the table, each once for who holds it: `pg_lock_status` has a row for each mode. What serializable transactions read is kept elsewhere.
macro_rules! held_places {
    () => {
        "select distinct pid, virtualtransaction, locktype, database, relation, page, tuple, virtualxid, transactionid, classid, objid, objsubid
           from pg_lock_status() where not fastpath and mode <> 'SIReadLock'"
    };
}

/// Tells those sessions `told` of branches' logins to end that it has as `pid`, `role` and `datid`, and gives a [`Hoarder`] of each.
macro_rules! ended {
    () => {
        "select pid, pg_get_userbyid(role)::text as login, pg_describe_object(1262, datid, 0) as database,
                case when pg_has_role(role, 'usage') then pg_terminate_backend(pid) else false end as ended from told"
    };
}

/// Locks that the guard has to let go: a connection to a branch and what is done over it need a few dozens. Where there is room for few, it takes few of them.
const RESERVE: &str = concat!(
    "select count(pg_advisory_xact_lock(hashtextextended('fluxbase: room for the watch', pg_backend_pid()) + i)) from generate_series(1, least(64, ",
    room_for_locks!(),
    " / 50)) i"
);

/// What functions look up, and what queries are read and planned by: each with its indexes.
const CATALOGUES: [&str; 27] = [
    "pg_roles",
    "pg_auth_members",
    "pg_database",
    "pg_tablespace",
    "pg_class",
    "pg_attribute",
    "pg_type",
    "pg_proc",
    "pg_operator",
    "pg_index",
    "pg_namespace",
    "pg_cast",
    "pg_am",
    "pg_amop",
    "pg_amproc",
    "pg_opclass",
    "pg_opfamily",
    "pg_aggregate",
    "pg_collation",
    "pg_constraint",
    "pg_attrdef",
    "pg_rewrite",
    "pg_trigger",
    "pg_policy",
    "pg_inherits",
    "pg_language",
    "pg_range",
];

/// So often a new guard takes over: nobody wonders about a transaction that is as old as the server.
const RENEWED: Duration = Duration::from_mins(10);

/// Who has so few is not worth ending.
const FEW: i64 = 10;

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
    /// Whether somebody waits for what the guard has, as VACUUM FULL of a catalogue does.
    waited_for: bool,
}

/// A session that took more than its share, or wants more.
#[derive(sqlx::FromRow)]
struct Hoarder {
    pid: i32,
    login: String,
    database: Option<String>,
    /// Whether it was told to end; not where the admin may not yet act for its login.
    ended: bool,
}

impl Hoarder {
    fn tell(&self, did: &str) {
        let Self { pid, login, database, ended } = self;
        let outcome = if *ended { "was ended" } else { "could not be ended yet" };
        tracing::warn!(login, pid, database, "a session of a branch's login {did}, and {outcome}");
    }
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
                    coalesce(bool_or(pid is null), false) as prepared,
                    exists (select from pg_lock_status() asked where not granted and mode = 'AccessExclusiveLock' and locktype = 'relation'
                                                                 and pg_backend_pid() = any(pg_blocking_pids(asked.pid))) as waited_for, ",
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
    since: Instant,
    /// Whether it has locks to let go.
    has_reserve: bool,
}

impl Guard {
    pub(super) async fn post(settings: &Settings) -> Result<Self, BuildError> {
        let mut connection = settings.guard().await?;
        let locks: Vec<_> = CATALOGUES.iter().map(|name| format!("select from pg_catalog.{name} limit 0")).collect();
        run(&mut connection, format!("begin isolation level read committed; {}", locks.join("; "))).await.map_err(failed)?;
        // Nobody has so many: it is known once it is asked for.
        end_hoarders(&mut connection, i64::MAX).await?;
        end_waiters(&mut connection).await?;
        hold_long_passwords(&mut connection).await.map_err(failed)?;
        run(&mut connection, "savepoint reserve").await.map_err(failed)?;
        Ok(Self { connection, since: Instant::now(), has_reserve: false })
    }

    /// Looks, and makes room where the table is so full.
    pub(super) async fn look(&mut self, full: f64) -> Result<Seen, BuildError> {
        match self.try_look(full).await {
            Ok(table) if table.places(full).is_none() && table.waited_for => Ok(Seen::IsInTheWay),
            Ok(table) if table.places(full).is_none() && self.since.elapsed() > RENEWED => Ok(Seen::IsOld),
            Ok(table) => Ok(Seen::Table { prepared_in: table.places(full).filter(|_| table.prepared) }),
            Err(error) => {
                self.has_reserve = false;
                // What it has from before stays.
                run(&mut self.connection, "rollback to savepoint reserve").await.map_err(failed)?;
                tracing::warn!(%error, "could not look whether branches' logins fill the server's table of locks; it is tried again");
                Ok(Seen::Table { prepared_in: None })
            }
        }
    }

    async fn try_look(&mut self, full: f64) -> Result<TableOfLocks, BuildError> {
        let mut table = TableOfLocks::read(&mut self.connection).await?;
        let mut told = HashSet::new();
        for _ in 0..LOOKS {
            let Some(places) = table.places(full) else { break };
            let hoarders = end_hoarders(&mut self.connection, places).await?;
            if hoarders.is_empty() {
                break;
            }
            for hoarder in hoarders.iter().filter(|hoarder| told.insert(hoarder.pid)) {
                hoarder.tell("took more than its share of the locks that the server has");
            }
            sleep(BETWEEN_LOOKS).await;
            table = TableOfLocks::read(&mut self.connection).await?;
        }
        self.keep_reserve(table.places(full).is_none()).await?;
        if table.waited_for {
            let waiters = end_waiters(&mut self.connection).await?;
            table.waited_for = waiters.is_empty();
            for waiter in &waiters {
                waiter.tell("wanted a catalogue of the whole server for itself");
            }
        }
        Ok(table)
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

/// What a look shows.
pub(super) enum Seen {
    /// How many places there are, where nearly all are taken still and transactions that were prepared have some. There are locks to be had then, for whoever rolls
    /// them back.
    Table { prepared_in: Option<i64> },
    /// Somebody waits for what the guard has, and the table is not full: the guard is to let it go.
    IsInTheWay,
    /// Another guard is to take over.
    IsOld,
}

/// Takes the lock of where long passwords lie, up to PostgreSQL 17: whoever has one is looked up there, too. Only a superuser may read it.
async fn hold_long_passwords(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    const READABLE: &str =
        "select rolsuper and exists (select from pg_class where relname = 'pg_toast_1260' and relnamespace = 'pg_toast'::regnamespace)
                              from pg_roles where rolname = current_user";
    if sqlx::query_scalar(READABLE).fetch_one(&mut *connection).await? {
        run(connection, "select from pg_toast.pg_toast_1260 limit 0").await?;
    }
    Ok(())
}

/// Ends them, while the table has no more than so many places. Calls functions only: the rules that views stand for are read from places that cannot be held.
///
/// One session may hold an eighth of them, those of all branches and whatever was prepared, by whom ever, together a half; over that, the one that has most
/// goes. What else is in the table belongs to main's own users, or to a clone that reads main, and ending whoever holds a little of the rest would help nobody.
async fn end_hoarders(admin: &mut PgConnection, places: i64) -> Result<Vec<Hoarder>, BuildError> {
    run(admin, "select pg_stat_clear_snapshot()").await.map_err(failed)?;
    sqlx::query_as(concat!(
        "with held as materialized (
             select pid, count(*) as places from (",
        held_places!(),
        ") place group by pid
         ), holders as materialized (
             select a.pid, a.usesysid as role, a.datid, held.places,
                    sum(held.places) over () + coalesce((select sum(places) from held where pid is null), 0) as of_all,
                    row_number() over (order by held.places desc) as nth
               from held join pg_stat_get_activity(null) a on a.pid = held.pid
              where pg_get_userbyid(a.usesysid)::text ~ $1
         ), told as materialized (
             select * from holders where places > $2 / 8 or of_all > $2 / 2 and nth = 1 and places > $3
         ) ",
        ended!()
    ))
    .bind(OF_BRANCHES)
    .bind(places)
    .bind(FEW)
    .fetch_all(admin)
    .await
    .map_err(|error| from_sql("ending who holds most locks", error))
}

/// Ends sessions of branches' logins that wait for what the guard has, and gives them. PostgreSQL lets anybody wait for a catalogue before it asks whether they may
/// have it (CREATE RULE), and all who connect queue up behind; letting it go would leave the table without a guard at a time of their choice.
async fn end_waiters(admin: &mut PgConnection) -> Result<Vec<Hoarder>, BuildError> {
    run(admin, "select pg_stat_clear_snapshot()").await.map_err(failed)?;
    sqlx::query_as(concat!(
        "with told as materialized (
             select a.pid, a.usesysid as role, a.datid
               from (select distinct pid from pg_lock_status() where not granted and mode = 'AccessExclusiveLock' and locktype = 'relation') asked
               join pg_stat_get_activity(null) a on a.pid = asked.pid
              where pg_get_userbyid(a.usesysid)::text ~ $1 and pg_backend_pid() = any(pg_blocking_pids(a.pid))
         ) ",
        ended!()
    ))
    .bind(OF_BRANCHES)
    .fetch_all(admin)
    .await
    .map_err(|error| from_sql("ending who waits for a catalogue", error))
}

fn failed(error: sqlx::Error) -> BuildError {
    from_sql("looking at the table of locks", error)
}
