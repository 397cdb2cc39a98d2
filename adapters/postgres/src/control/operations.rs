//! Operations in the metadata database, claimed under leases that its clock measures.

use super::{
    error::store,
    operation_row::{OperationRow, operation_columns},
    unit_of_work::PgUnitOfWork,
};
use async_trait::async_trait;
use domain::{
    BranchId, Operation, OperationId, OperationKind,
    operation::{Claim, Progress},
};
use ports::driven::{OperationRepository, StoreError, Workload};
use sqlx::{postgres::PgQueryResult, types::Json};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

#[async_trait]
impl OperationRepository for PgUnitOfWork {
    async fn insert(&mut self, operation: &Operation) -> Result<(), StoreError> {
        self.insert_delayed(operation, Duration::ZERO).await
    }

    async fn insert_delayed(&mut self, operation: &Operation, delay: Duration) -> Result<(), StoreError> {
        sqlx::query(
            "insert into branching.operations (id, kind, branch_id, status, steps, error, created_at, finished_at, input, run_after)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, case when $10 > 0 then clock_timestamp() + make_interval(secs => $10) else '-infinity' end)",
        )
        .bind(operation.id.as_uuid())
        .bind(operation.kind.name())
        .bind(operation.branch_id.as_uuid())
        .bind(operation.status.name())
        .bind(Json(&operation.steps))
        .bind(operation.error.as_ref().map(Json))
        .bind(operation.created_at)
        .bind(operation.finished_at)
        .bind(Json(&operation.input))
        .bind(delay.as_secs_f64())
        .execute(&mut *self.transaction)
        .await
        .map_err(store)?;
        Ok(())
    }

    async fn find(&mut self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        let row: Option<OperationRow> = sqlx::query_as(concat!("select ", operation_columns!(), " from branching.operations where id = $1"))
            .bind(id.as_uuid())
            .fetch_optional(&mut *self.transaction)
            .await
            .map_err(store)?;
        row.map(Operation::try_from).transpose()
    }

    async fn claim_next(&mut self, lease: Duration, workload: Workload) -> Result<Option<Claim>, StoreError> {
        let mut unreadable = Vec::new();
        loop {
            let Some(row) = self.next_row(workload, &unreadable).await? else { return Ok(None) };
            let id = row.id;
            let operation: Operation = match row.try_into() {
                Ok(operation) => operation,
                Err(error) => {
                    // Said aloud by whoever looks through what has not ended: this is asked every few moments.
                    tracing::debug!(%error, operation.id = %id, "left alone");
                    unreadable.push(id);
                    continue;
                }
            };
            return self.claim(operation, lease).await.map(Some);
        }
    }

    async fn renew(&mut self, claim: &Claim, lease: Duration) -> Result<(), StoreError> {
        // A lease that was given back stays given back: a heartbeat may come late.
        let renewed = sqlx::query(
            "update branching.operations
             set lease_until = case when lease_until is not null then clock_timestamp() + make_interval(secs => $3) end
             where id = $1 and fence = $2",
        )
        .bind(claim.operation.id.as_uuid())
        .bind(claim.fence)
        .bind(lease.as_secs_f64())
        .execute(&mut *self.transaction)
        .await
        .map_err(store)?;
        fenced(&renewed)
    }

    async fn retry(&mut self, claim: &Claim, delay: Duration) -> Result<(), StoreError> {
        let given_back = sqlx::query(
            "update branching.operations
             set lease_until = null, run_after = clock_timestamp() + make_interval(secs => $3), failures = failures + 1
             where id = $1 and fence = $2 and finished_at is null",
        )
        .bind(claim.operation.id.as_uuid())
        .bind(claim.fence)
        .bind(delay.as_secs_f64())
        .execute(&mut *self.transaction)
        .await
        .map_err(store)?;
        fenced(&given_back)
    }

    async fn cancel_queued(&mut self, id: OperationId, now: OffsetDateTime) -> Result<bool, StoreError> {
        let cancelled = sqlx::query(
            "update branching.operations set status = 'cancelled', cancel_requested = true, finished_at = $2 where id = $1 and status = 'queued'",
        )
        .bind(id.as_uuid())
        .bind(now)
        .execute(&mut *self.transaction)
        .await
        .map_err(store)?;
        Ok(cancelled.rows_affected() == 1)
    }

    async fn request_cancel(&mut self, id: OperationId) -> Result<bool, StoreError> {
        let sql = "update branching.operations set cancel_requested = true, run_after = '-infinity' where id = $1 and finished_at is null";
        let asked = sqlx::query(sql).bind(id.as_uuid()).execute(&mut *self.transaction).await.map_err(store)?;
        Ok(asked.rows_affected() == 1)
    }

    async fn cancel_requested(&mut self, id: OperationId) -> Result<bool, StoreError> {
        let asked = sqlx::query_scalar("select cancel_requested from branching.operations where id = $1")
            .bind(id.as_uuid())
            .fetch_optional(&mut *self.transaction)
            .await
            .map_err(store)?;
        Ok(asked.unwrap_or(false))
    }

    async fn unfinished(&mut self) -> Result<Vec<Operation>, StoreError> {
        Ok(self.unfinished_rows().await?.into_iter().filter_map(|row| Operation::try_from(row).ok()).collect())
    }

    async fn unreadable(&mut self) -> Result<Vec<(OperationId, BranchId)>, StoreError> {
        let mut unreadable = Vec::new();
        for row in self.unfinished_rows().await? {
            let (id, branch) = (OperationId::from_uuid(row.id), BranchId::from_uuid(row.branch_id));
            if let Err(error) = Operation::try_from(row) {
                tracing::warn!(%error, operation.id = %id, branch.id = %branch, "an operation that has not ended cannot be read here; it is left to others");
                unreadable.push((id, branch));
            }
        }
        Ok(unreadable)
    }

    async fn seeds_of(&mut self, branch: BranchId) -> Result<Option<Vec<String>>, StoreError> {
        let seeds: Option<Json<Option<Vec<String>>>> = sqlx::query_scalar(
            "select coalesce(input -> 'seeds', 'null')
               from (select input, kind, created_at, id, lead(kind) over (order by created_at, id) as next
                       from branching.operations
                      where branch_id = $1
                        and (kind = 'create_branch' or kind in ('reset_branch', 'undo_reset') and status = 'succeeded')) as made
              where kind <> 'undo_reset' and next is distinct from 'undo_reset'
              order by created_at desc, id desc
              limit 1",
        )
        .bind(branch.as_uuid())
        .fetch_optional(&mut *self.transaction)
        .await
        .map_err(store)?;
        Ok(seeds.and_then(|Json(seeds)| seeds))
    }

    async fn try_turn(&mut self, name: &str) -> Result<bool, StoreError> {
        sqlx::query_scalar("select pg_try_advisory_xact_lock(hashtextextended('fluxbase turn: ' || $1, 0))")
            .bind(name)
            .fetch_one(&mut *self.transaction)
            .await
            .map_err(store)
    }

    async fn save(&mut self, claim: &Claim) -> Result<(), StoreError> {
        let operation = &claim.operation;
        let saved = sqlx::query(
            "update branching.operations
             set status = $3, steps = $4, error = $5, finished_at = $6, result = $7::jsonb,
                 lease_until = case when $6::timestamptz is null then lease_until end,
                 input = jsonb_strip_nulls(jsonb_build_object('applied_before', $8::jsonb, 'sown_before', $9::jsonb)) || input
             where id = $1 and fence = $2 and finished_at is null",
        )
        .bind(operation.id.as_uuid())
        .bind(claim.fence)
        .bind(operation.status.name())
        .bind(Json(&operation.steps))
        .bind(operation.error.as_ref().map(Json))
        .bind(operation.finished_at)
        .bind(operation.result.as_deref())
        .bind(operation.input.applied_before.as_ref().map(Json))
        .bind(operation.input.sown_before.as_ref().map(Json))
        .execute(&mut *self.transaction)
        .await
        .map_err(store)?;
        fenced(&saved)
    }
}

impl PgUnitOfWork {
    /// The oldest operation that may be claimed, locked. Kinds that are not known here are those of a newer version, whose replicas see to them.
    async fn next_row(&mut self, workload: Workload, but: &[Uuid]) -> Result<Option<OperationRow>, StoreError> {
        sqlx::query_as(concat!(
            "select ",
            operation_columns!(),
            " from branching.operations
             where finished_at is null and run_after <= clock_timestamp() and kind = any($2) and id <> all($3)
               and (lease_until is null or lease_until <= clock_timestamp() or holder is not null and not exists (
                   select from pg_locks
                   where locktype = 'advisory' and granted and objsubid = 1
                     and database = (select oid from pg_database where datname = current_database())
                     and classid = ((holder >> 32) & 4294967295)::oid and objid = (holder & 4294967295)::oid
               ))
               and ($1 or kind in ('delete_branch', 'undo_reset', 'discard_generation') or kind in ('create_branch', 'reset_branch') and not exists (
                   select from branching.branches b join branching.branches parent on parent.id = b.parent_id
                   where b.id = branch_id and parent.type <> 'main'
               ))
             order by created_at, id
             limit 1
             for update skip locked"
        ))
        .bind(workload == Workload::Any)
        .bind(OperationKind::ALL.map(OperationKind::name))
        .bind(but)
        .fetch_optional(&mut *self.transaction)
        .await
        .map_err(store)
    }

    /// Of an operation that is locked.
    async fn claim(&mut self, mut operation: Operation, lease: Duration) -> Result<Claim, StoreError> {
        let (fence, failures): (i64, i32) = sqlx::query_as(
            "update branching.operations
             set status = 'running', fence = fence + 1, lease_until = clock_timestamp() + make_interval(secs => $2), holder = $3
             where id = $1 returning fence, failures",
        )
        .bind(operation.id.as_uuid())
        .bind(lease.as_secs_f64())
        .bind(self.holder)
        .fetch_one(&mut *self.transaction)
        .await
        .map_err(store)?;
        operation.status = Progress::Running;
        Ok(Claim { operation, fence, failures: failures.unsigned_abs() })
    }

    async fn unfinished_rows(&mut self) -> Result<Vec<OperationRow>, StoreError> {
        let sql = concat!("select ", operation_columns!(), " from branching.operations where finished_at is null order by created_at, id");
        sqlx::query_as(sql).fetch_all(&mut *self.transaction).await.map_err(store)
    }
}

/// A write that met no row was made under a fence that is no longer the newest, or of what has ended.
fn fenced(result: &PgQueryResult) -> Result<(), StoreError> {
    if result.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Fenced) }
}
