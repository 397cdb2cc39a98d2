//! Rows: streamed from the leader's snapshot into the branch, counted on both sides.

use super::{leader::Table, pace::Pace, withholding::Source};
use crate::{
    connect::run,
    error::{from_sql, listed, refused, retryable, sql_state},
    masking::blame_masks,
    meter::Meter,
    quoting::idents,
};
use bytes::{Bytes, BytesMut};
use domain::{branch::Withheld, table::QualifiedName};
use futures_util::TryStreamExt;
use ports::driven::BuildError;
use sqlx::{PgConnection, postgres::PgDatabaseError};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// Large enough that messages cost nothing, small enough that memory does not matter.
const CHUNK: usize = 128 * 1024;

/// How many chunks may lie between reading and writing.
const CHUNKS: usize = 4;

/// No conversion on either side: both databases have one encoding, and what lies in a database that has none (`SQL_ASCII`) may be in any.
pub(super) const RAW: &str = "encoding 'SQL_ASCII'";

/// Checks, generated columns and materialised views call people's functions, which find names as they do in the parent: by the database's own search path.
pub(crate) const SEARCH_PATH: &str = "select set_config('search_path', coalesce(
    (select substr(setting, length('search_path=') + 1) from pg_db_role_setting s, unnest(s.setconfig) setting
      where s.setrole = 0 and s.setdatabase = (select oid from pg_database where datname = current_database())
        and starts_with(setting, 'search_path=')), 'public, extensions'), true)";

/// How many tables an error names.
const LISTED: usize = 10;

/// A table's part of the whole, in bytes as they lie on disk: what is streamed is more or less than that.
pub(crate) struct Share<'a> {
    meter: &'a Meter,
    whole: u64,
    told: AtomicU64,
}

impl<'a> Share<'a> {
    pub(crate) fn new(meter: &'a Meter, whole: u64) -> Self {
        Self { meter, whole, told: AtomicU64::new(0) }
    }

    fn add(&self, streamed: u64) {
        let more = streamed.min(self.whole - self.told.load(Ordering::Relaxed));
        self.told.fetch_add(more, Ordering::Relaxed);
        self.meter.add(more);
    }

    /// The table is done.
    pub(crate) fn complete(&self) {
        self.add(u64::MAX);
    }
}

/// Rows of several tables in one transaction, in their order, and gives how many each had.
pub(crate) async fn copy_tables(
    reader: &mut PgConnection,
    branch: &mut PgConnection,
    copies: &[Copy<'_>],
    pace: &Pace<'_>,
) -> Result<Vec<u64>, BuildError> {
    if copies.iter().any(Copy::may_go_in_binary) {
        match copy_in(Form::Binary, (reader, branch), copies, pace).await? {
            Some(rows) => return Ok(rows),
            None => run(branch, "rollback").await.map_err(in_between)?,
        }
    }
    copy_in(Form::Text, (reader, branch), copies, pace).await?.ok_or_else(|| {
        let names: Vec<String> = copies.iter().map(|copy| copy.table.qualified().to_string()).collect();
        retryable(format!("the text of {} was refused", listed(&names, LISTED)))
    })
}

/// `None` where text is no UTF-8, though its database is: old ones may hold such, and as text it goes through as it is.
async fn copy_in(
    form: Form,
    (reader, branch): (&mut PgConnection, &mut PgConnection),
    copies: &[Copy<'_>],
    pace: &Pace<'_>,
) -> Result<Option<Vec<u64>>, BuildError> {
    let begin: Vec<String> = [format!("begin; {SEARCH_PATH}")].into_iter().chain(copies.iter().filter_map(Copy::to_begin)).collect();
    run(branch, begin.join("; ")).await.map_err(in_between)?;
    let mut counts = Vec::with_capacity(copies.len());
    for copy in copies {
        let form = if copy.may_go_in_binary() { form } else { Form::Text };
        match copy.run((reader, branch), form, pace).await.map_err(|error| blame_masks(copy.withheld, error))? {
            Some(rows) => counts.push(rows),
            None => return Ok(None),
        }
    }
    run(branch, "commit").await.map_err(in_between)?;
    Ok(Some(counts))
}

fn in_between(error: sqlx::Error) -> BuildError {
    from_sql("copying rows", error)
}

/// How rows go over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Dates and numbers are not spelt out and read again, which is a quarter of the time of a copy.
    Binary,
    /// Whatever it is.
    Text,
}

impl Form {
    fn options(self) -> &'static str {
        match self {
            Self::Binary => "format binary",
            Self::Text => RAW,
        }
    }
}

/// One table's rows under way.
pub(crate) struct Copy<'a> {
    pub(crate) table: &'a Table,
    pub(crate) source: Source,
    /// What of them stays behind.
    pub(crate) withheld: Option<&'a Withheld>,
    pub(crate) share: Share<'a>,
}

impl Copy<'_> {
    fn may_go_in_binary(&self) -> bool {
        self.table.in_binary && self.source.as_it_is
    }

    /// TRUNCATE in the same transaction lets COPY write rows that are frozen from the start. There are no triggers or foreign keys yet, so a plain owner
    /// may do it. Of a small table it would take longer than its rows do: each gets a new file by it.
    fn to_begin(&self) -> Option<String> {
        let name = self.table.quoted();
        let alone =
            if self.table.keeps_autovacuum_off() { format!("; alter table only {name} set (autovacuum_enabled = false)") } else { String::new() };
        (!self.table.is_small()).then(|| format!("truncate only {name}{alone}"))
    }

    async fn run(&self, (reader, branch): (&mut PgConnection, &mut PgConnection), form: Form, pace: &Pace<'_>) -> Result<Option<u64>, BuildError> {
        let Self { table, source, share, .. } = self;
        let (name, options) = (table.quoted(), form.options());
        let list = if table.columns.is_empty() { String::new() } else { format!(" ({})", idents(&table.columns)) };
        let freeze = if table.is_small() { "" } else { "freeze, " };
        let (from, into) =
            (format!("copy {} to stdout with ({options})", source.sql), format!("copy {name}{list} from stdin with ({freeze}{options})"));
        let (read, written) = relay((reader, from), (branch, into), share, pace).await;
        let messages = read.map_err(|error| unreadable(table, error))?;
        // The end of the binary form is a message, too.
        let read = if form == Form::Binary { messages.saturating_sub(1) } else { messages };
        let written = match written {
            Err(error) if form == Form::Binary && sql_state(&error).as_deref() == Some("22021") => return Ok(None),
            written => written.map_err(|error| unwritable(&table.qualified(), error))?,
        };
        if read != written {
            return Err(retryable(format!("{}: {read} rows were read and {written} written", table.qualified())));
        }
        share.complete();
        Ok(Some(written))
    }
}

/// Writes by one statement what another reads. Gives how many messages were read and how many rows were written.
pub(super) async fn relay(
    (reader, from): (&mut PgConnection, String),
    (branch, into): (&mut PgConnection, String),
    share: &Share<'_>,
    pace: &Pace<'_>,
) -> (Result<u64, sqlx::Error>, Result<u64, sqlx::Error>) {
    let (sender, mut chunks) = mpsc::channel::<Bytes>(CHUNKS);
    let write = async {
        let mut sink = branch.copy_in_raw(&into).await?;
        while let Some(chunk) = chunks.recv().await {
            sink.send(chunk).await?;
        }
        sink.finish().await
    };
    tokio::join!(read(reader, from, sender, share, pace), write)
}

/// Gives how many messages there were: PostgreSQL sends one for each row.
async fn read(
    reader: &mut PgConnection,
    statement: String,
    chunks: mpsc::Sender<Bytes>,
    share: &Share<'_>,
    pace: &Pace<'_>,
) -> Result<u64, sqlx::Error> {
    let mut messages = 0;
    let mut stretch = pace.stretch();
    let mut gathered = BytesMut::with_capacity(CHUNK);
    let mut source = reader.copy_out_raw(&statement).await?;
    while let Some(row) = source.try_next().await? {
        gathered.extend_from_slice(&row);
        messages += 1;
        if gathered.len() >= CHUNK {
            share.add(gathered.len() as u64);
            stretch.keep(gathered.len() as u64).await;
            // The other side reports why it ended; reading on would be for nothing.
            if chunks.send(gathered.split().freeze()).await.is_err() {
                return Ok(messages);
            }
            gathered.reserve(CHUNK);
        }
    }
    let _ = chunks.send(gathered.freeze()).await;
    Ok(messages)
}

/// Refuses tables whose rows the connection will not get, before anything is made for them.
pub(crate) async fn check_reach(reader: &mut PgConnection, tables: impl Iterator<Item = &Table>) -> Result<(), BuildError> {
    let forced: Vec<&Table> = tables.filter(|table| table.forced_policies).collect();
    if forced.is_empty() {
        return Ok(());
    }
    let oids: Vec<i64> = forced.iter().map(|table| table.oid).collect();
    let filtered: Vec<i64> = sqlx::query_scalar("select oid from unnest($1::int8[]) listed(oid) where row_security_active(oid::oid)")
        .bind(oids)
        .fetch_all(reader)
        .await
        .map_err(|error| from_sql("looking for policies", error))?;
    let names: Vec<String> = forced.iter().filter(|table| filtered.contains(&table.oid)).map(|table| table.qualified().to_string()).collect();
    if names.is_empty() { Ok(()) } else { Err(out_of_reach(&names)) }
}

/// With `row_security` off a table whose policies would filter is an error, not fewer rows.
fn unreadable(table: &Table, error: sqlx::Error) -> BuildError {
    let filtered = sql_state(&error).as_deref() == Some("42501") && table.forced_policies;
    if filtered { out_of_reach(&[table.qualified().to_string()]) } else { from_sql(format!("reading {}", table.qualified()), error) }
}

/// A value that names an object, such as a `regclass`, is read where objects of that name may not be. That does not get better by trying.
pub(super) fn unwritable(table: &QualifiedName, error: sqlx::Error) -> BuildError {
    const WAY: &str = ". A value in it names this (regclass, regproc and the like), and a branch has no such thing, or not before its rows, as with indexes: leave the \
                       table's rows behind (branching.excluded_table_data), or keep such names as text";
    let names_nothing = ["42P01", "42704", "42883", "3F000"].contains(&sql_state(&error).unwrap_or_default().as_str());
    // Of a function that a check calls it says so before.
    let context = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>()?.r#where());
    let in_a_value = context.is_some_and(|context| context.starts_with("COPY "));
    match from_sql(format!("copying {table}"), error) {
        BuildError::Retryable { message, .. } | BuildError::Refused { message, .. } if names_nothing && in_a_value => {
            refused("clone_refused", format!("{message}{WAY}"))
        }
        other => other,
    }
}

fn out_of_reach(names: &[String]) -> BuildError {
    let which = if names.len() > 1 { "these tables" } else { "the table" };
    refused(
        "rows_out_of_reach",
        format!(
            "FORCE ROW LEVEL SECURITY holds for the owner too on {}, and this login cannot read past the policies: clone as schema_only, or exclude \
             {which} (branching.excluded_table_data), or give the login BYPASSRLS",
            listed(names, LISTED)
        ),
    )
}
