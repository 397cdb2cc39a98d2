//! Histories of migrations in the metadata database.

use super::{
    cursor::{self, Moment},
    error::{corrupt, store},
    unit_of_work::PgUnitOfWork,
};
use async_trait::async_trait;
use domain::{
    BranchId,
    migration::MigrationVersion,
    page::{Page, PageRequest},
};
use ports::driven::{MigrationHistory, MigrationHistoryRepository, MigrationOutcome, StoreError};
use std::time::Duration;
use time::OffsetDateTime;

const LIST: &str = "migrations";

#[derive(sqlx::FromRow)]
struct HistoryRow {
    id: i64,
    version: i64,
    name: String,
    state: String,
    duration_us: i64,
    who: String,
    at: OffsetDateTime,
    detail: Option<String>,
}

impl HistoryRow {
    fn read(self, branch_id: BranchId) -> Result<MigrationHistory, StoreError> {
        let bad = |what: &str| corrupt("branching.migration_history", self.id, what.to_owned());
        let outcome = MigrationOutcome::ALL.into_iter().find(|outcome| outcome.as_str() == self.state).ok_or_else(|| bad("unknown state"))?;
        let duration = u64::try_from(self.duration_us).map_err(|_| bad("a duration below zero"))?;
        Ok(MigrationHistory {
            branch_id,
            version: MigrationVersion::new(self.version),
            name: self.name,
            outcome,
            duration: Duration::from_micros(duration),
            who: self.who,
            at: self.at,
            detail: self.detail,
        })
    }
}

#[async_trait]
impl MigrationHistoryRepository for PgUnitOfWork {
    async fn record(&mut self, line: &MigrationHistory) -> Result<(), StoreError> {
        sqlx::query(
            "insert into branching.migration_history (branch_id, version, name, state, duration_us, who, at, detail)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(line.branch_id.as_uuid())
        .bind(line.version.number())
        .bind(&line.name)
        .bind(line.outcome.as_str())
        .bind(i64::try_from(line.duration.as_micros()).unwrap_or(i64::MAX))
        .bind(&line.who)
        .bind(line.at)
        .bind(&line.detail)
        .execute(&mut *self.transaction)
        .await
        .map_err(store)?;
        Ok(())
    }

    async fn list(&mut self, branch: BranchId, page: &PageRequest) -> Result<Page<MigrationHistory>, StoreError> {
        let after: Option<(Moment, i64)> = cursor::open(LIST, page)?;
        let rows: Vec<HistoryRow> = sqlx::query_as(
            "select id, version, name, state, duration_us, who, at, detail from branching.migration_history
             where branch_id = $1 and ($2::timestamptz is null or (at, id) < ($2, $3))
             order by at desc, id desc
             limit $4",
        )
        .bind(branch.as_uuid())
        .bind(after.map(|(at, _)| at.0))
        .bind(after.map(|(_, id)| id))
        .bind(cursor::rows(page))
        .fetch_all(&mut *self.transaction)
        .await
        .map_err(store)?;
        let listed = cursor::page(LIST, page, rows, |last| (Moment(last.at), last.id));
        let items = listed.items.into_iter().map(|row| row.read(branch)).collect::<Result<_, _>>()?;
        Ok(Page { items, next_cursor: listed.next_cursor })
    }
}
