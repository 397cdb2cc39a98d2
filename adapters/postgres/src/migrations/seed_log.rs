//! Rows of the log of seeds.

use super::{
    failure::from_sql,
    keeper::Keeper,
    ledger::micros,
    ledger_guard::{Hold, SEEDS},
};
use domain::migration::Checksum;
use ports::driven::{MigrationError, SownFile};
use sqlx::PgConnection;
use std::time::Duration;

/// The checksum of the file of this name that ran here last.
pub(super) async fn last_run(keeper: &mut Keeper<'_>, name: &str) -> Result<Option<Vec<u8>>, MigrationError> {
    let failed = |error| from_sql("reading the log of seeds", error);
    let mut transaction = keeper.begin(&SEEDS, Hold::Read).await?;
    let checksum = sqlx::query_scalar("select checksum from fluxbase_migrations.seeds where name = $1")
        .bind(name)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(checksum)
}

#[derive(sqlx::FromRow)]
struct Columns {
    name: String,
    rows: i64,
    duration_us: i64,
    run: i64,
}

/// What ran here, the earliest first.
pub(super) async fn list(connection: &mut PgConnection) -> Result<Vec<SownFile>, MigrationError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "select name, rows, duration_us, (extract(epoch from ran_at) * 1000000)::int8 as run from fluxbase_migrations.seeds order by ran_at, name",
    )
    .fetch_all(connection)
    .await
    .map_err(|error| from_sql("reading the log of seeds", error))?;
    let file = |row: Columns| SownFile {
        name: row.name,
        rows: row.rows.unsigned_abs(),
        duration: Duration::from_micros(row.duration_us.unsigned_abs()),
        run: row.run,
    };
    Ok(rows.into_iter().map(file).collect())
}

/// Begins a file, in the transaction that it runs in.
pub(super) async fn begin(connection: &mut PgConnection, name: &str, checksum: &Checksum, who: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into fluxbase_migrations.seeds (name, checksum, rows, duration_us, who, ran_at) values ($1, $2, 0, 0, $3, clock_timestamp())
         on conflict (name) do update set checksum = excluded.checksum, who = excluded.who, ran_at = excluded.ran_at",
    )
    .bind(name)
    .bind(checksum.0.as_slice())
    .bind(who)
    .persistent(false)
    .execute(connection)
    .await
    .map(drop)
}

/// Ends it. False where its row is gone.
pub(super) async fn end(connection: &mut PgConnection, name: &str, rows: u64, duration: Duration) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("update fluxbase_migrations.seeds set rows = $2, duration_us = $3 where name = $1")
        .bind(name)
        .bind(i64::try_from(rows).unwrap_or(i64::MAX))
        .bind(micros(duration))
        .persistent(false)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}
