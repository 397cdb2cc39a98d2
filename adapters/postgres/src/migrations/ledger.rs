//! Rows of the ledger.

use super::failure::refused;
use domain::migration::{Checksum, LedgerEntry, LedgerState, MigrationFile, MigrationVersion};
use ports::driven::MigrationError;
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;

/// In `detail`: a statement that no transaction holds has begun, and nobody knows more.
pub(super) const STARTED: &str = "started";

/// A row, with what only runners want to know.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) entry: LedgerEntry,
    pub(super) done_checksum: Option<Checksum>,
    /// Whether a statement was begun that may or may not have ended.
    pub(super) interrupted: bool,
}

#[derive(sqlx::FromRow)]
struct Columns {
    version: i64,
    name: String,
    checksum: Vec<u8>,
    statements: i32,
    state: String,
    statement: i32,
    done_checksum: Option<Vec<u8>>,
    detail: Option<String>,
    duration_us: i64,
    who: String,
    fingerprint: Option<String>,
    applied_at: OffsetDateTime,
}

impl TryFrom<Columns> for Row {
    type Error = MigrationError;

    fn try_from(row: Columns) -> Result<Self, MigrationError> {
        let unreadable = || {
            refused(
                "ledger_tampered",
                format!("row {} of fluxbase_migrations.ledger is not one that Fluxbase wrote: put it right, or delete it", row.version),
            )
        };
        let checksum = |bytes: &[u8]| bytes.try_into().map(Checksum).map_err(|_| unreadable());
        let done = u32::try_from(row.statement).map_err(|_| unreadable())?;
        let interrupted = row.state != "applied" && row.detail.as_deref() == Some(STARTED);
        let state = match row.state.as_str() {
            "applied" => LedgerState::Applied,
            "running" => LedgerState::Running { done },
            "failed" => LedgerState::Failed { done, message: row.detail.clone().unwrap_or_default() },
            _ => return Err(unreadable()),
        };
        Ok(Self {
            interrupted,
            done_checksum: row.done_checksum.as_deref().map(checksum).transpose()?,
            entry: LedgerEntry {
                version: MigrationVersion::new(row.version),
                checksum: checksum(&row.checksum)?,
                statements: u32::try_from(row.statements).map_err(|_| unreadable())?,
                state,
                duration: Duration::from_micros(u64::try_from(row.duration_us).map_err(|_| unreadable())?),
                name: row.name,
                who: row.who,
                fingerprint: row.fingerprint,
                applied_at: row.applied_at,
            },
        })
    }
}

const COLUMNS: &str = "version, name, checksum, statements, state, statement, done_checksum, detail, duration_us, who, fingerprint, applied_at from fluxbase_migrations.ledger";

pub(super) async fn list(connection: &mut PgConnection) -> Result<Vec<Row>, MigrationError> {
    let rows: Vec<Columns> = sqlx::query_as(sqlx::AssertSqlSafe(format!("select {COLUMNS} order by version")))
        .fetch_all(connection)
        .await
        .map_err(|error| super::failure::from_sql("reading the ledger", error))?;
    rows.into_iter().map(Row::try_from).collect()
}

pub(super) async fn find(connection: &mut PgConnection, version: MigrationVersion) -> Result<Option<Row>, MigrationError> {
    let row: Option<Columns> = sqlx::query_as(sqlx::AssertSqlSafe(format!("select {COLUMNS} where version = $1 for update")))
        .bind(version.number())
        .fetch_optional(connection)
        .await
        .map_err(|error| super::failure::from_sql("reading the ledger", error))?;
    row.map(Row::try_from).transpose()
}

/// Begins a file, or begins it anew.
pub(super) async fn begin(connection: &mut PgConnection, file: &MigrationFile, statements: usize, who: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into fluxbase_migrations.ledger (version, name, checksum, statements, state, statement, duration_us, who, applied_at)
         values ($1, $2, $3, $4, 'running', 0, 0, $5, clock_timestamp())
         on conflict (version) do update set name = excluded.name, checksum = excluded.checksum, statements = excluded.statements, state = 'running',
                who = excluded.who, applied_at = excluded.applied_at",
    )
    .bind(file.version.number())
    .bind(&file.name)
    .bind(file.checksum.0.as_slice())
    .bind(i32::try_from(statements).unwrap_or(i32::MAX))
    .bind(who)
    .persistent(false)
    .execute(connection)
    .await
    .map(drop)
}

/// How far a file without a transaction has come.
pub(super) struct Progress<'a> {
    pub(super) version: MigrationVersion,
    pub(super) done: usize,
    pub(super) done_checksum: Checksum,
    pub(super) duration: Duration,
    pub(super) state: &'static str,
    pub(super) detail: Option<&'a str>,
}

impl Progress<'_> {
    /// Names are written in full: a file's own connection may have any search path.
    pub(super) async fn write(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query(
            "update fluxbase_migrations.ledger set statement = $2, done_checksum = $3, state = $4, detail = $5, duration_us = $6,
                    applied_at = pg_catalog.clock_timestamp()
              where version operator(pg_catalog.=) $1",
        )
        .bind(self.version.number())
        .bind(i32::try_from(self.done).unwrap_or(i32::MAX))
        .bind(self.done_checksum.0.as_slice())
        .bind(self.state)
        .bind(self.detail)
        .bind(micros(self.duration))
        .persistent(false)
        .execute(connection)
        .await
        .map(drop)
    }
}

/// Forgets a file of which nothing is there.
pub(super) async fn forget(connection: &mut PgConnection, version: MigrationVersion) -> Result<(), sqlx::Error> {
    sqlx::query("delete from fluxbase_migrations.ledger where version operator(pg_catalog.=) $1")
        .bind(version.number())
        .execute(connection)
        .await
        .map(drop)
}

/// Ends a file. False where its row is gone.
pub(super) async fn end(connection: &mut PgConnection, version: MigrationVersion, duration: Duration) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "update fluxbase_migrations.ledger set state = 'applied', statement = statements, done_checksum = null, detail = null, duration_us = $2,
                applied_at = pg_catalog.clock_timestamp()
          where version operator(pg_catalog.=) $1",
    )
    .bind(version.number())
    .bind(micros(duration))
    .persistent(false)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
