//! Rows of a CSV file, streamed into their table.

use super::{
    failure::{row_of_copy, sqlstate},
    in_transaction::{Trouble, lost, of_file},
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

/// A CSV file and its table.
pub(super) struct Csv<'a> {
    pub(super) name: &'a str,
    pub(super) path: &'a Path,
    pub(super) schema: Option<&'a str>,
    pub(super) table: &'a str,
    /// Of the file as it was when it was looked at.
    pub(super) checksum: Checksum,
    pub(super) bytes: u64,
}

impl Csv<'_> {
    /// Copies all rows. The server takes what the header names, in its order.
    pub(super) async fn copy(&self, worker: &mut Worker, progress: &dyn MigrationProgress) -> Result<u64, Trouble> {
        let columns = self.columns().await?;
        let names: Vec<String> = columns.iter().map(|column| ident(column)).collect();
        let statement = format!("copy {} ({}) from stdin with (format csv, header true, encoding 'UTF8')", self.table(), names.join(", "));
        let refused = |error| self.refused(&statement, error);
        let mut file = File::open(self.path).await.map_err(|error| self.unreadable(&error))?;
        let mut sink = worker.connection.copy_in_raw(&statement).await.map_err(refused)?;
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK];
        let (mut done, mut told) = (0, 0);
        loop {
            let read = file.read(&mut chunk).await.map_err(|error| self.unreadable(&error))?;
            if read == 0 {
                break;
            }
            hash.update(&chunk[..read]);
            sink.send(&chunk[..read]).await.map_err(refused)?;
            done += read as u64;
            if done - told >= TELL {
                told = done;
                progress.told(MigrationEvent::Bytes { done, total: self.bytes }).await?;
            }
        }
        let rows = sink.finish().await.map_err(refused)?;
        if Checksum(hash.finalize().into()) != self.checksum {
            return Err(self.failure("changed_under_way", "the file was changed while it was read: run it again"));
        }
        self.move_sequences(worker, &columns).await.map_err(|error| of_file(self.name, "moving sequences behind the rows", error))?;
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
        let text = match std::str::from_utf8(&beginning) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&beginning[..error.valid_up_to()]).expect("valid up to there"),
        };
        read_csv_header(text, whole).map_err(|error| self.failure("unreadable", &format!("{error}: the first line names the columns of the rows")))
    }

    /// Rows that bring their own numbers leave the sequences behind, and the next row of anybody's would collide.
    async fn move_sequences(&self, worker: &mut Worker, columns: &[String]) -> Result<(), sqlx::Error> {
        for column in columns {
            let sequence: Option<String> = sqlx::query_scalar("select pg_catalog.pg_get_serial_sequence($1, $2)")
                .bind(self.table())
                .bind(column)
                .persistent(false)
                .fetch_one(&mut worker.connection)
                .await?;
            let Some(sequence) = sequence else { continue };
            let (name, table, column) = (crate::provision::literal(&sequence), self.table(), ident(column));
            let sql = format!(
                "select pg_catalog.setval({name}::pg_catalog.regclass, highest)
                   from (select pg_catalog.max({column})::pg_catalog.int8 as highest from {table}) rows
                  where highest operator(pg_catalog.>) (select last_value from {sequence})"
            );
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut worker.connection).await?;
        }
        Ok(())
    }

    fn failure(&self, code: &'static str, message: &str) -> Trouble {
        Trouble::File(FileFailure { code, file: self.name.to_owned(), line: None, statement: None, sqlstate: None, message: message.to_owned() })
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
