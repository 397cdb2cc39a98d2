//! The audit trail in the metadata database: rows written in the transaction of the change they tell of, and all rows read back.

use super::{
    audit_batch::{Texts, insert},
    cursor,
    error::store,
    unit_of_work::PgUnitOfWork,
};
use async_trait::async_trait;
use domain::{
    Slug,
    audit::AuditEntry,
    page::{Page, PageRequest},
};
use ports::driven::{AuditFilter, AuditRecord, AuditRepository, StoreError};
use sqlx::{FromRow, PgConnection};
use std::slice;
use time::OffsetDateTime;
use uuid::Uuid;

const LIST: &str = "audit";
/// Rows that are looked at for one page where rare ones are wanted: some tenths of a second.
const EXAMINED: i64 = 200_000;
/// Between what a row tells of and its being written.
const WAITED_AT_MOST: time::Duration = time::Duration::hours(1);

#[derive(FromRow)]
struct AuditRow {
    id: i64,
    at: OffsetDateTime,
    request_id: String,
    principal_kind: String,
    principal_id: Option<Uuid>,
    user_id: Option<Uuid>,
    door: String,
    action: String,
    branch: Option<String>,
    target: Option<String>,
    outcome: String,
    duration_us: i64,
}

#[async_trait]
impl AuditRepository for PgUnitOfWork {
    async fn record(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        insert(&mut self.transaction, slice::from_ref(entry), Texts::AsTheyAre).await.map_err(store)
    }

    async fn list(&mut self, wanted: &AuditFilter, page: &PageRequest) -> Result<Page<AuditRecord>, StoreError> {
        let asked: i64 = cursor::open(LIST, page)?.unwrap_or(i64::MAX);
        let below = asked.min(passed(&mut self.transaction, wanted.until).await.map_err(store)?);
        let floor = floor(&mut self.transaction, wanted, below).await.map_err(store)?;
        // Planned for these very values: which index helps depends on them.
        let rows: Vec<AuditRow> = sqlx::query_as(
            "select id, at, request_id, principal_kind, principal_id, user_id, door, action, branch, target, outcome, duration_us
             from fluxbase.audit_log
             where id < $1 and id > $2 and at >= coalesce($3, '-infinity'::timestamptz) and at < coalesce($4, 'infinity'::timestamptz)
                 and ($5::text is null or action = $5) and ($6::text is null or outcome = $6) and ($7::uuid is null or principal_id = $7)
                 and ($8::uuid is null or user_id = $8) and ($9::text is null or branch = $9) and ($10::text is null or request_id = $10)
             order by id desc
             limit $11",
        )
        .bind(below)
        .bind(floor.unwrap_or(i64::MIN))
        .bind(wanted.since)
        .bind(wanted.until)
        .bind(wanted.action.map(domain::Action::name))
        .bind(&wanted.outcome)
        .bind(wanted.principal_id)
        .bind(wanted.user_id)
        .bind(wanted.branch.as_ref().map(Slug::as_str))
        .bind(&wanted.request_id)
        .bind(cursor::rows(page))
        .persistent(false)
        .fetch_all(&mut *self.transaction)
        .await
        .map_err(store)?;
        let mut listed = cursor::page(LIST, page, rows, |last| last.id);
        if listed.next_cursor.is_none() {
            listed.next_cursor = floor.map(|floor| cursor::seal(LIST, &(floor + 1)));
        }
        Ok(Page { items: listed.items.into_iter().map(AuditRecord::from).collect(), next_cursor: listed.next_cursor })
    }
}

/// An id that is higher than those of all rows from before `until`: only rows below it need be looked at.
///
/// Ids rise with time, so the place is found by halving. Rows that waited to be written are the exception: they have a later id than their time would
/// give them. So the id is that of a time later by as long as a row may wait. Without it, all rows since `until` would have to be read first.
async fn passed(connection: &mut PgConnection, until: Option<OffsetDateTime>) -> Result<i64, sqlx::Error> {
    let Some(until) = until else { return Ok(i64::MAX) };
    let late = until.saturating_add(WAITED_AT_MOST);
    let newest: Option<i64> = sqlx::query_scalar("select max(id) from fluxbase.audit_log").fetch_one(&mut *connection).await?;
    let (mut low, mut high) = (0, newest.unwrap_or_default() + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let next: Option<(i64, OffsetDateTime)> = sqlx::query_as("select id, at from fluxbase.audit_log where id >= $1 order by id limit 1")
            .bind(middle)
            .fetch_optional(&mut *connection)
            .await?;
        match next {
            Some((id, at)) if at < late => low = id + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// The newest row that this page does not look at any more; `None` where it may look to the end.
async fn floor(connection: &mut PgConnection, wanted: &AuditFilter, below: i64) -> Result<Option<i64>, sqlx::Error> {
    // However many there are, rows of a time are found by the time.
    if (AuditFilter { since: None, until: None, ..wanted.clone() }) == AuditFilter::default() {
        return Ok(None);
    }
    sqlx::query_scalar(
        "select id from fluxbase.audit_log
         where id < $1 and at >= coalesce($2, '-infinity'::timestamptz) and at < coalesce($3, 'infinity'::timestamptz)
         order by id desc
         limit 1 offset $4",
    )
    .bind(below)
    .bind(wanted.since)
    .bind(wanted.until)
    .bind(EXAMINED)
    .persistent(false)
    .fetch_optional(connection)
    .await
}

impl From<AuditRow> for AuditRecord {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            at: row.at,
            request_id: row.request_id,
            principal_kind: row.principal_kind,
            principal_id: row.principal_id,
            user_id: row.user_id,
            door: row.door,
            action: row.action,
            branch: row.branch,
            target: row.target,
            outcome: row.outcome,
            duration_us: u64::try_from(row.duration_us).unwrap_or_default(),
        }
    }
}
