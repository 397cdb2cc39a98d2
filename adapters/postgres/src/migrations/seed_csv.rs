//! Rows of a CSV file, streamed into their table.

use super::{
    csv_end::CsvEnd,
    failure::{row_of_copy, sqlstate, unreadable_at},
    in_transaction::{Trouble, lost, of_file},
    seed_again::{self, Manner, ROWS},
    seed_encoding::{self, NotUtf8},
    worker::Worker,
};
use crate::provision::ident;
use domain::migration::{Checksum, read_csv_header};
use ports::driven::{FileFailure, MigrationEvent, MigrationProgress};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, postgres::PgDatabaseError};
use std::path::Path;
use tokio::{fs::File, io::AsyncReadExt};

/// A header is at the beginning, whatever comes after.
const HEADER: usize = 1024 * 1024;
const CHUNK: usize = 256 * 1024;
/// How often to tell how far it has come.
const TELL: u64 = 8 * 1024 * 1024;

/// The sequence that a column of whole numbers owns. A column of anything else may own one, and has no highest number that would mean something to it.
const SEQUENCE: &str = "
    with recursive kind (oid, base) as (
        select t.oid, t.typbasetype
          from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) a.atttypid
         where a.attrelid operator(pg_catalog.=) pg_catalog.to_regclass($1) and a.attname operator(pg_catalog.=) $2::pg_catalog.name
        union all
        select t.oid, t.typbasetype from kind join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) kind.base
    )
    select pg_catalog.pg_get_serial_sequence($1, $2) from kind
     where oid operator(pg_catalog.=) any (array['int2', 'int4', 'int8', 'numeric']::pg_catalog.regtype[]::pg_catalog.oid[])";

/// A CSV file and its table.
pub(super) struct Csv<'a> {
    pub(super) name: &'a str,
    pub(super) path: &'a Path,
    pub(super) schema: Option<&'a str>,
    pub(super) table: &'a str,
    /// Of the file as it was when it was looked at.
    pub(super) checksum: Checksum,
    pub(super) bytes: u64,
    /// Whether it ran here before, with another text.
    pub(super) again: bool,
}

impl Csv<'_> {
    /// Brings all rows into the table, of those that are there already what the file has of them now.
    pub(super) async fn sow(&self, worker: &mut Worker, progress: &dyn MigrationProgress) -> Result<u64, Trouble> {
        let columns = self.columns().await?;
        let names = columns.iter().map(|column| ident(column)).collect::<Vec<_>>().join(", ");
        let rows = match self.manner(worker, &columns).await? {
            Manner::Afresh => self.copy(worker, &self.table(), &names, progress).await?,
            Manner::Merged(merge) => {
                self.run(worker, &seed_again::make_rows(&self.table(), &names)).await?;
                self.copy(worker, ROWS, &names, progress).await?;
                self.run(worker, &merge).await?
            }
            Manner::Doubled => return Err(self.would_double()),
        };
        self.move_sequences(worker, &columns).await.map_err(|error| of_file(self.name, "moving sequences behind the rows", error))?;
        Ok(rows)
    }

    async fn manner(&self, worker: &mut Worker, columns: &[String]) -> Result<Manner, Trouble> {
        if !self.again {
            return Ok(Manner::Afresh);
        }
        seed_again::manner(&mut worker.connection, &self.table(), columns)
            .await
            .map_err(|error| of_file(self.name, "looking at what is in the table", error))
    }

    async fn run(&self, worker: &mut Worker, statement: &str) -> Result<u64, Trouble> {
        let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut worker.connection).await;
        done.map(|done| done.rows_affected()).map_err(|error| self.refused(statement, error))
    }

    /// Copies all rows. The server takes what the header names, in its order.
    async fn copy(&self, worker: &mut Worker, table: &str, names: &str, progress: &dyn MigrationProgress) -> Result<u64, Trouble> {
        let statement = format!("copy {table} ({names}) from stdin with (format csv, header true, encoding 'UTF8')");
        let refused = |error| self.refused(&statement, error);
        let mut file = File::open(self.path).await.map_err(|error| self.unreadable(&error))?;
        let mut sink = worker.connection.copy_in_raw(&statement).await.map_err(refused)?;
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK];
        let (mut done, mut told) = (0, 0);
        let mut end = CsvEnd::default();
        loop {
            let read = file.read(&mut chunk).await.map_err(|error| self.unreadable(&error))?;
            if read == 0 {
                break;
            }
            hash.update(&chunk[..read]);
            if let Some(line) = end.find(&chunk[..read]) {
                return Err(self.ends_early(line));
            }
            sink.send(&chunk[..read]).await.map_err(refused)?;
            done += read as u64;
            if done - told >= TELL {
                told = done;
                progress.told(MigrationEvent::Bytes { done, total: self.bytes }).await?;
            }
        }
        if let Some(line) = end.at_the_end() {
            return Err(self.ends_early(line));
        }
        let rows = sink.finish().await.map_err(refused)?;
        if Checksum(hash.finalize().into()) != self.checksum {
            return Err(self.failure("changed_under_way", "the file was changed while it was read: run it again"));
        }
        Ok(rows)
    }

    fn table(&self) -> String {
        match self.schema {
            Some(schema) => format!("{}.{}", ident(schema), ident(self.table)),
            None => ident(self.table),
        }
    }

    async fn columns(&self) -> Result<Vec<String>, Trouble> {
        let file = File::open(self.path).await.map_err(|error| self.unreadable(&error))?;
        let mut beginning = Vec::new();
        file.take(HEADER as u64).read_to_end(&mut beginning).await.map_err(|error| self.unreadable(&error))?;
        let whole = beginning.len() < HEADER;
        let (text, broken) = match seed_encoding::text(&beginning) {
            Ok(text) => (text, None),
            // What is out of place in a row is PostgreSQL's to tell.
            Err(not_utf_8) => (beginning.utf8_chunks().next().map_or("", |chunk| chunk.valid()), Some(not_utf_8)),
        };
        read_csv_header(text, whole && broken.is_none()).map_err(|error| match broken {
            Some(NotUtf8 { line, message }) => self.failure_at(line, message),
            None => self.failure_at(1, &format!("{error}: the first line names the columns of the rows")),
        })
    }

    /// Rows that bring their own numbers leave the sequences behind, and the next row of anybody's would collide. A sequence goes on in its own direction, never
    /// back. A number that it cannot come to collides with none of its own.
    async fn move_sequences(&self, worker: &mut Worker, columns: &[String]) -> Result<(), sqlx::Error> {
        for column in columns {
            let sequence: Option<Option<String>> =
                sqlx::query_scalar(SEQUENCE).bind(self.table()).bind(column).persistent(false).fetch_optional(&mut worker.connection).await?;
            let Some(sequence) = sequence.flatten() else { continue };
            let (name, table, column) = (crate::provision::literal(&sequence), self.table(), ident(column));
            let sql = format!(
                "select pg_catalog.setval({name}::pg_catalog.regclass, furthest)
                   from (select seqincrement operator(pg_catalog.>) 0 as rises, seqmin, seqmax from pg_catalog.pg_sequence
                          where seqrelid operator(pg_catalog.=) {name}::pg_catalog.regclass) sequence,
                        lateral (select case when rises then pg_catalog.max({column}) else pg_catalog.min({column}) end::pg_catalog.int8 as furthest
                                   from {table} where {column} operator(pg_catalog.>=) seqmin and {column} operator(pg_catalog.<=) seqmax) rows,
                        (select last_value from {sequence}) state
                  where case when rises then furthest operator(pg_catalog.>=) last_value else furthest operator(pg_catalog.<=) last_value end"
            );
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut worker.connection).await?;
        }
        Ok(())
    }

    fn failure(&self, code: &'static str, message: &str) -> Trouble {
        Trouble::File(FileFailure { code, file: self.name.to_owned(), line: None, statement: None, sqlstate: None, message: message.to_owned() })
    }

    fn failure_at(&self, line: u32, message: &str) -> Trouble {
        Trouble::File(unreadable_at(self.name, line, message.to_owned()))
    }

    fn would_double(&self) -> Trouble {
        let message = format!(
            "the file ran here before and has changed since, and nothing tells which of its rows are there already: the table {} needs a primary key (not a \
             deferrable one) whose columns are in the file. Add them, put the new rows into a file of their own, write an SQL seed, or reset the branch, which \
             sows everything anew",
            self.table()
        );
        self.failure("rows_would_double", &message)
    }

    fn ends_early(&self, line: u32) -> Trouble {
        let message =
            "a line of \\. alone is the end of the rows to PostgreSQL before 18, whatever comes after it: put it into quotes, or take it out";
        self.failure_at(line, message)
    }

    fn unreadable(&self, error: &std::io::Error) -> Trouble {
        self.failure("unreadable", &format!("the file cannot be read: {error}"))
    }

    fn refused(&self, statement: &str, error: sqlx::Error) -> Trouble {
        let waits = super::failure::gives_way(&error);
        let Some(refusal) = error.as_database_error().map(<dyn sqlx::error::DatabaseError>::downcast_ref::<PgDatabaseError>) else {
            return lost(self.name, error);
        };
        let hint = match refusal.code() {
            "42P01" => ". The table is taken from the file's name: 20_public.tasks.csv",
            "22021" => ". That is no UTF-8, or none that this database can hold: the file is not UTF-8, or has a character of number zero",
            "0A000" => ". A table with FORCE ROW LEVEL SECURITY takes no COPY: write an SQL seed for it",
            _ => "",
        };
        let failure = FileFailure {
            code: if waits { "lock_timeout" } else { "statement_failed" },
            file: self.name.to_owned(),
            line: refusal.r#where().and_then(row_of_copy),
            statement: Some(statement.to_owned()),
            sqlstate: sqlstate(&error),
            message: format!("{}{hint}", refusal.message()),
        };
        if waits { Trouble::GivesWay(failure) } else { Trouble::File(failure) }
    }
}
