//! Histories of branches in the metadata database.

use super::{
    cursor::{self, Moment},
    error::store,
    unit_of_work::PgUnitOfWork,
};
use async_trait::async_trait;
use domain::{
    BranchId,
    page::{Page, PageRequest},
};
use ports::driven::{ActivityEntry, ActivityRepository, StoreError};
use time::OffsetDateTime;

const LIST: &str = "activity";

#[derive(sqlx::FromRow)]
struct ActivityRow {
    id: i64,
    at: OffsetDateTime,
    actor: String,
    action: String,
    detail: Option<String>,
}

#[async_trait]
impl ActivityRepository for PgUnitOfWork {
    async fn record(&mut self, entry: &ActivityEntry) -> Result<(), StoreError> {
        sqlx::query("insert into branching.activity_log (branch_id, at, actor, action, detail) values ($1, $2, $3, $4, $5)")
            .bind(entry.branch_id.as_uuid())
            .bind(entry.at)
            .bind(&entry.actor)
            .bind(&entry.action)
            .bind(&entry.detail)
            .execute(&mut *self.transaction)
            .await
            .map_err(store)?;
        Ok(())
    }

    async fn tells(&mut self, branch: BranchId, action: &str, since: OffsetDateTime) -> Result<bool, StoreError> {
        sqlx::query_scalar("select exists (select from branching.activity_log where branch_id = $1 and at >= $2 and action = $3)")
            .bind(branch.as_uuid())
            .bind(since)
            .bind(action)
            .fetch_one(&mut *self.transaction)
            .await
            .map_err(store)
    }

    async fn list(&mut self, branch: BranchId, page: &PageRequest) -> Result<Page<ActivityEntry>, StoreError> {
        let after: Option<(Moment, i64)> = cursor::open(LIST, page)?;
        let rows: Vec<ActivityRow> = sqlx::query_as(
            "select id, at, actor, action, detail from branching.activity_log
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
        let entry = |row: ActivityRow| ActivityEntry { branch_id: branch, at: row.at, actor: row.actor, action: row.action, detail: row.detail };
        Ok(Page { items: listed.items.into_iter().map(entry).collect(), next_cursor: listed.next_cursor })
    }
}
