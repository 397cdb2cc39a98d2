//! Rows of the ledger that a person puts right.

use super::{
    execute::statements,
    failure::{from_sql, refused},
    keeper::Keeper,
    ledger,
    ledger_guard::{Hold, LEDGER},
};
use domain::migration::{MigrationFile, MigrationVersion, split};
use ports::driven::{MigrationError, Repair};
use std::time::Duration;

const DOING: &str = "writing the ledger";

/// Takes files as applied.
pub(super) async fn baseline(keeper: &mut Keeper<'_>, files: &[MigrationFile], who: &str) -> Result<u64, MigrationError> {
    let mut transaction = keeper.begin(&LEDGER, Hold::Write).await?;
    let mut done = 0;
    for file in files {
        if ledger::find(&mut transaction, file.version).await?.is_some() {
            continue;
        }
        let count = split(&file.sql).map(|pieces| statements(pieces).len()).unwrap_or_default();
        ledger::begin(&mut transaction, file, count, who).await.map_err(|error| from_sql(DOING, error))?;
        ledger::end(&mut transaction, file.version, Duration::ZERO).await.map_err(|error| from_sql(DOING, error))?;
        done += 1;
    }
    transaction.commit().await.map_err(|error| from_sql(DOING, error))?;
    Ok(done)
}

/// Puts a row right.
pub(super) async fn repair(keeper: &mut Keeper<'_>, version: MigrationVersion, repair: &Repair, who: &str) -> Result<(), MigrationError> {
    let mut transaction = keeper.begin(&LEDGER, Hold::Write).await?;
    let Some(row) = ledger::find(&mut transaction, version).await? else {
        return Err(refused("migration_unknown", format!("the ledger knows no version {version}")));
    };
    let applied = row.entry.is_applied();
    let misfit = |what: &str| Err(refused("repair_misfit", format!("'{}' {what}", row.entry.name)));
    match repair {
        Repair::Accept(_) if !applied => return misfit("is not applied: there is nothing to accept"),
        Repair::Applied if applied => return misfit("is applied already"),
        Repair::StatementDone | Repair::StatementNotDone if !row.interrupted => return misfit("has no statement that was interrupted"),
        // The next statement's checksum is the runner's to know: it is told that what has ended is as the file has it now.
        Repair::StatementDone if row.entry.done() >= row.entry.statements => return misfit("has no statement left"),
        _ => {}
    }
    let change = |sql: &'static str| sqlx::query(sql).bind(version.number());
    let query = match repair {
        Repair::Accept(checksum) => {
            change("update fluxbase_migrations.ledger set who = $2, checksum = $3 where version = $1").bind(who).bind(checksum.0.as_slice())
        }
        Repair::Forget => change("delete from fluxbase_migrations.ledger where version = $1"),
        Repair::Applied => change(
            "update fluxbase_migrations.ledger set state = 'applied', statement = statements, done_checksum = null, detail = null, who = $2
              where version = $1",
        )
        .bind(who),
        Repair::StatementDone => change(
            "update fluxbase_migrations.ledger set statement = statement + 1, done_checksum = null, detail = null, who = $2
              where version = $1",
        )
        .bind(who),
        Repair::StatementNotDone => change("update fluxbase_migrations.ledger set detail = null, who = $2 where version = $1").bind(who),
    };
    query.execute(&mut *transaction).await.map_err(|error| from_sql(DOING, error))?;
    transaction.commit().await.map_err(|error| from_sql(DOING, error))
}

/// Records the schema's fingerprint after this version.
pub(super) async fn record_fingerprint(keeper: &mut Keeper<'_>, version: MigrationVersion, fingerprint: &str) -> Result<(), MigrationError> {
    let mut transaction = keeper.begin(&LEDGER, Hold::Write).await?;
    let done = sqlx::query("update fluxbase_migrations.ledger set fingerprint = $2 where version = $1")
        .bind(version.number())
        .bind(fingerprint)
        .execute(&mut *transaction)
        .await
        .map_err(|error| from_sql(DOING, error))?;
    if done.rows_affected() == 0 {
        return Err(refused("migration_unknown", format!("the ledger knows no version {version}")));
    }
    transaction.commit().await.map_err(|error| from_sql(DOING, error))
}
