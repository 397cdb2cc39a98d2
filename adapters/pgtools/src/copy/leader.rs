//! The session whose snapshot a clone is of: tables are locked first, the snapshot comes after, and every row is read by that snapshot.

use super::{lock_holders, of_extensions::Marked};
use crate::{
    connect::run,
    error::{from_sql, sql_state},
    quoting::ident,
    settings::Settings,
};
use domain::{DataCloneMode, table::QualifiedName};
use ports::driven::{BuildError, BuildRequest};
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;

/// A table that holds rows of its own, or is partitioned.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Table {
    pub(crate) oid: i64,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) partitioned: bool,
    /// Columns that COPY reads and writes: generated ones are not among them.
    pub(crate) columns: Vec<String>,
    /// Columns that take no NULL.
    pub(crate) required: Vec<String>,
    /// Whether policies hold for the owner too.
    pub(crate) forced_policies: bool,
    /// Whether its storage parameters say if autovacuum may come.
    pub(crate) own_autovacuum: bool,
    /// Whether all of those columns have types of which PostgreSQL's binary form is the same in every database of a server, and takes less time than text.
    pub(crate) in_binary: bool,
    /// On disk, without indexes; told once it is locked, where all rows are copied.
    #[sqlx(skip)]
    pub(crate) bytes: u64,
    /// Whether it has no page, and so no row: told along with that.
    #[sqlx(skip)]
    pub(crate) is_empty: bool,
}

/// Bytes; a smaller table is done before autovacuum could come.
const WORTH_A_VISIT: u64 = 8 * 1024 * 1024;

/// Bytes; of less than that the rows take less time than a transaction, a file or a round trip of their own.
const SMALL: u64 = 256 * 1024;

impl Table {
    /// Whether autovacuum is kept from the copy until that has its indexes and statistics: it would gather the same statistics, and indexes would wait for
    /// its lock.
    pub(crate) fn keeps_autovacuum_off(&self) -> bool {
        !self.partitioned && !self.own_autovacuum && self.bytes >= WORTH_A_VISIT
    }

    /// Whether it is dealt with along with others.
    pub(crate) fn is_small(&self) -> bool {
        self.bytes < SMALL
    }

    pub(crate) fn qualified(&self) -> QualifiedName {
        QualifiedName::new(&self.schema, &self.name)
    }

    pub(crate) fn quoted(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }
}

/// Statements that gather the statistics of copies, of those that have so many rows, and let autovacuum in again.
pub(crate) fn gather_statistics(copies: &[(&Table, u64)]) -> Vec<String> {
    let filled: Vec<String> = copies.iter().filter(|(_, rows)| *rows > 0).map(|(table, _)| table.quoted()).collect();
    let analyze = (!filled.is_empty()).then(|| format!("analyze {}", filled.join(", ")));
    let kept_off = copies.iter().filter(|(table, _)| table.keeps_autovacuum_off());
    analyze.into_iter().chain(kept_off.map(|(table, _)| format!("alter table only {} reset (autovacuum_enabled)", table.quoted()))).collect()
}

/// Holds the locks and the snapshot until it is dropped.
pub(crate) struct Leader {
    pub(crate) connection: PgConnection,
    /// Its backend, to see who waits for it.
    pub(crate) backend: i32,
    pub(crate) tables: Vec<Table>,
    /// Those of extensions that come along with rows.
    pub(crate) of_extensions: Vec<Marked>,
    /// When its snapshot was taken, by the server's clock; not later.
    pub(crate) at: OffsetDateTime,
}

/// Why there is no leader yet.
pub(crate) enum NotYet {
    /// The parent moved; another attempt may find it still.
    Moved(String),
    /// Somebody holds what is to be read; another attempt may find it free.
    Held(String),
    /// No attempt would help.
    Failed(BuildError),
}

impl From<BuildError> for NotYet {
    fn from(error: BuildError) -> Self {
        Self::Failed(error)
    }
}

/// Shorter than the time after which PostgreSQL looks for deadlocks (1 s), so that a statement of the parent's users is never its victim.
const LOCK_TIMEOUT: &str = "700ms";
/// With the pauses between them some fifteen seconds. Whoever holds a lock longer is told of in the reason, and the parent is captured anew.
const LOCK_TRIES: u32 = 10;

/// The longest statement that names tables to lock; PostgreSQL locks them one by one anyway.
const TABLES_PER_LOCK: usize = 500;

impl Leader {
    /// Locks every table that is to be copied, takes the snapshot, and makes sure that it sees the tables that were locked.
    pub(crate) async fn begin(settings: &Settings, (request, name): (&BuildRequest, &str), excluded: &[String]) -> Result<Self, NotYet> {
        let mut connection = settings.row_reader_in(&request.parent, request.parent_is_main, name).await?;
        let backend =
            sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await.map_err(|error| from_sql("beginning the copy", error))?;
        let listed = both(&mut connection, request, excluded).await?;
        lock(&mut connection, listed.0.iter().chain(listed.1.iter().filter(|marked| marked.readable).map(|marked| &marked.table))).await?;
        // The first query: it takes the snapshot, and by now nothing can change what the snapshot sees in these tables.
        let at = sqlx::query_scalar("select statement_timestamp()")
            .fetch_one(&mut connection)
            .await
            .map_err(|error| from_sql("beginning the copy", error))?;
        let seen = both(&mut connection, request, excluded).await?;
        let of_extensions = |marked: &[Marked]| marked.iter().filter(|marked| marked.readable).map(|marked| marked.table.clone()).collect::<Vec<_>>();
        if !same(&listed.0, &seen.0) || !same(&of_extensions(&listed.1), &of_extensions(&seen.1)) {
            return Err(NotYet::Moved("tables came, went or changed while they were being locked".to_owned()));
        }
        let (tables, of_extensions) = seen;
        let mut leader = Self { connection, backend, tables, of_extensions, at };
        if request.clone_mode == DataCloneMode::FullClone {
            measure(&mut leader).await?;
        }
        Ok(leader)
    }
}

/// The same tables with the same columns; what the planner thinks of them may have changed.
fn same(left: &[Table], right: &[Table]) -> bool {
    let unlike = |(left, right): (&Table, &Table)| (left.oid, left.quoted(), &left.columns) != (right.oid, right.quoted(), &right.columns);
    left.len() == right.len() && !left.iter().zip(right).any(unlike)
}

/// LOCK takes no snapshot; neither do BEGIN and SET.
async fn lock(connection: &mut PgConnection, tables: impl Iterator<Item = &Table>) -> Result<(), NotYet> {
    let begin = format!("begin isolation level repeatable read read only; set local lock_timeout = '{LOCK_TIMEOUT}'");
    let names: Vec<_> = tables.map(|table| format!("only {}", table.quoted())).collect();
    let locks = names.chunks(TABLES_PER_LOCK).map(|some| format!("lock table {} in access share mode", some.join(", ")));
    let statements: Vec<_> = [begin].into_iter().chain(locks).chain(["set local lock_timeout = 0".to_owned()]).collect();
    let sql = statements.join("; ");
    let mut held = String::new();
    for attempt in 0..LOCK_TRIES {
        let Err(error) = run(connection, sql.as_str()).await else { return Ok(()) };
        let _ = run(connection, "rollback").await;
        match sql_state(&error).unwrap_or_default().as_str() {
            "55P03" | "40P01" => {
                held = lock_holders::told(connection).await;
                back_off(attempt).await;
            }
            // A table or schema went away between the list and the lock.
            "42P01" | "3F000" | "42809" => {
                let reason = error.as_database_error().map(|error| error.message().to_owned()).unwrap_or_default();
                return Err(NotYet::Moved(format!("its tables could not be locked: {reason}")));
            }
            _ => return Err(from_sql("locking the parent's tables", error).into()),
        }
    }
    Err(NotYet::Held(held))
}

/// Waits a little longer each time, never in step with whoever is in the way.
pub(crate) async fn back_off(attempt: u32) {
    let most = 50_u64 << attempt.min(5);
    let wait = rand::random_range(most / 4..=most);
    tokio::time::sleep(Duration::from_millis(wait)).await;
}

/// The database's own tables, and those of extensions of which rows come along.
async fn both(connection: &mut PgConnection, request: &BuildRequest, excluded: &[String]) -> Result<(Vec<Table>, Vec<Marked>), BuildError> {
    let own = tables(connection, excluded).await?;
    let of_extensions = if request.clone_mode == DataCloneMode::FullClone { Marked::read(connection).await? } else { Vec::new() };
    Ok((own, of_extensions))
}

async fn tables(connection: &mut PgConnection, excluded: &[String]) -> Result<Vec<Table>, BuildError> {
    sqlx::query_as(include_str!("sql/tables.sql"))
        .bind(excluded)
        .fetch_all(connection)
        .await
        .map_err(|error| from_sql("reading the parent's tables", error))
}

/// How big the leader's tables are: asked once they are locked, since asking waits for whoever has one to itself.
async fn measure(leader: &mut Leader) -> Result<(), BuildError> {
    let oids: Vec<i64> = leader.tables.iter().map(|table| table.oid).collect();
    let sizes: Vec<(i64, bool)> = sqlx::query_as(
        "select coalesce(size, 0), coalesce(size = 0 and c.relam = (select oid from pg_am where amname = 'heap'), false)
           from unnest($1::int8[]) with ordinality listed(oid, place) join pg_class c on c.oid = listed.oid::oid,
                lateral (select case when c.relkind = 'r' then pg_table_size(c.oid) end) measured(size)
          order by place",
    )
    .bind(oids)
    .fetch_all(&mut leader.connection)
    .await
    .map_err(|error| from_sql("measuring the parent's tables", error))?;
    for (table, (size, is_empty)) in leader.tables.iter_mut().zip(sizes) {
        (table.bytes, table.is_empty) = (u64::try_from(size).unwrap_or_default(), is_empty);
    }
    Ok(())
}
