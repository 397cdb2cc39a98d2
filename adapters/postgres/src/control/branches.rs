//! Branches in the metadata database.

use super::{
    branch_row::{BranchRow, StateColumns, branch_columns},
    cursor::{self, Moment},
    error::store,
    unit_of_work::PgUnitOfWork,
};
use async_trait::async_trait;
use domain::{
    Branch, BranchId, Generation, Slug, UserId,
    branch::Grant,
    page::{Page, PageRequest},
};
use ports::driven::{BranchRepository, StoreError, UnitOfWork};
use sqlx::{Postgres, postgres::PgArguments, query::QueryAs, types::Json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const LIST: &str = "branches";
/// Where a list left off: main or not, age, id.
type Place = (bool, Moment, Uuid);

impl PgUnitOfWork {
    async fn branches(&mut self, query: QueryAs<'_, Postgres, BranchRow, PgArguments>) -> Result<Vec<Branch>, StoreError> {
        let rows = query.fetch_all(&mut *self.transaction).await.map_err(store)?;
        rows.into_iter().map(Branch::try_from).collect()
    }
}

#[async_trait]
impl BranchRepository for PgUnitOfWork {
    async fn lock_admission(&mut self, at_most: std::time::Duration) -> Result<(), StoreError> {
        self.wait_at_most(at_most).await?;
        // Admissions conflict with each other; readers, and workers that write single rows, go on.
        sqlx::query("select pg_advisory_xact_lock(hashtextextended('fluxbase: admission of branches', 0))")
            .execute(&mut *self.transaction)
            .await
            .map_err(store)?;
        Ok(())
    }

    async fn find(&mut self, id: BranchId, lock: bool) -> Result<Option<Branch>, StoreError> {
        let sql = if lock {
            concat!("select ", branch_columns!(), " from branching.branches where id = $1 for no key update")
        } else {
            concat!("select ", branch_columns!(), " from branching.branches where id = $1")
        };
        let row: Option<BranchRow> = sqlx::query_as(sql).bind(id.as_uuid()).fetch_optional(&mut *self.transaction).await.map_err(store)?;
        row.map(Branch::try_from).transpose()
    }

    async fn find_free(&mut self, id: BranchId) -> Result<Option<Branch>, StoreError> {
        let sql = concat!("select ", branch_columns!(), " from branching.branches where id = $1 for no key update skip locked");
        let row: Option<BranchRow> = sqlx::query_as(sql).bind(id.as_uuid()).fetch_optional(&mut *self.transaction).await.map_err(store)?;
        row.map(Branch::try_from).transpose()
    }

    async fn find_by_slug(&mut self, slug: &Slug) -> Result<Option<Branch>, StoreError> {
        let sql = concat!("select ", branch_columns!(), " from branching.branches where slug = $1 and status <> 'deleted'");
        let row: Option<BranchRow> = sqlx::query_as(sql).bind(slug.as_str()).fetch_optional(&mut *self.transaction).await.map_err(store)?;
        row.map(Branch::try_from).transpose()
    }

    async fn list(&mut self, of: Option<UserId>, page: &PageRequest) -> Result<Page<Branch>, StoreError> {
        let after: Option<Place> = cursor::open(LIST, page)?;
        let sql = concat!(
            "select ",
            branch_columns!(),
            " from branching.branches
             where status <> 'deleted'
               and ($1::uuid is null or type = 'main' or created_by = $1
                    or exists (select from branching.branch_access as access where access.branch_id = branches.id and access.user_id = $1))
               and ($2::boolean is null or (type = 'main', created_at, id) < ($2, $3, $4))
             order by type = 'main' desc, created_at desc, id desc
             limit $5"
        );
        let query = sqlx::query_as(sql)
            .bind(of.map(|user| user.as_uuid()))
            .bind(after.map(|(main, ..)| main))
            .bind(after.map(|(_, created_at, _)| created_at.0))
            .bind(after.map(|(.., id)| id))
            .bind(cursor::rows(page));
        let branches = self.branches(query).await?;
        Ok(cursor::page(LIST, page, branches, |last: &Branch| (last.is_main(), Moment(last.created_at), last.id)))
    }

    async fn count_live(&mut self, of: Option<UserId>) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(
            "select count(*) from branching.branches where status <> 'deleted' and type <> 'main' and ($1::uuid is null or created_by = $1)",
        )
        .bind(of.map(|user| user.as_uuid()))
        .fetch_one(&mut *self.transaction)
        .await
        .map_err(store)?;
        Ok(count.unsigned_abs())
    }

    async fn children(&mut self, id: BranchId) -> Result<Vec<Branch>, StoreError> {
        let sql =
            concat!("select ", branch_columns!(), " from branching.branches where parent_id = $1 and status <> 'deleted' order by created_at, id");
        self.branches(sqlx::query_as(sql).bind(id.as_uuid())).await
    }

    async fn live(&mut self) -> Result<Vec<Branch>, StoreError> {
        let sql = concat!("select ", branch_columns!(), " from branching.branches where status <> 'deleted' order by created_at, id");
        self.branches(sqlx::query_as(sql)).await
    }

    async fn with_previous(&mut self) -> Result<Vec<Branch>, StoreError> {
        let sql = concat!("select ", branch_columns!(), " from branching.branches where previous is not null and status <> 'deleted' order by id");
        self.branches(sqlx::query_as(sql)).await
    }

    async fn unwarned(&mut self, within: Duration) -> Result<Vec<Branch>, StoreError> {
        let sql = concat!(
            "select ",
            branch_columns!(),
            " from branching.branches
             where expires_at <= clock_timestamp() + make_interval(secs => $1) and status in ('ready', 'error', 'migrating')
               and not protected and warned_of is distinct from expires_at
             order by expires_at, id"
        );
        self.branches(sqlx::query_as(sql).bind(within.as_seconds_f64())).await
    }

    async fn warned(&mut self, id: BranchId, of: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query("update branching.branches set warned_of = $2 where id = $1")
            .bind(id.as_uuid())
            .bind(of)
            .execute(&mut *self.transaction)
            .await
            .map_err(store)?;
        Ok(())
    }

    async fn expired(&mut self) -> Result<Vec<Branch>, StoreError> {
        // One that is being built cannot go: its turn comes when that is over.
        let sql = concat!(
            "select ",
            branch_columns!(),
            " from branching.branches
             where expires_at <= clock_timestamp() and status in ('ready', 'error') and not protected
             order by expires_at, id"
        );
        self.branches(sqlx::query_as(sql)).await
    }

    async fn next_generation(&mut self, slug: &Slug) -> Result<Generation, StoreError> {
        let last: i32 = sqlx::query_scalar(
            "insert into branching.generations as given (slug, last) values ($1, 1)
             on conflict (slug) do update set last = given.last + 1
             returning last",
        )
        .bind(slug.as_str())
        .fetch_one(&mut *self.transaction)
        .await
        .map_err(store)?;
        let number = u32::try_from(last).ok().and_then(Generation::new);
        number.ok_or_else(|| super::error::corrupt("branching.generations", slug, "generations count from 1"))
    }

    async fn insert(&mut self, branch: &Branch) -> Result<(), StoreError> {
        let state = StateColumns::from(&branch.state);
        // A taken slug is no error of the transaction: the caller may go on with another one.
        let inserted = sqlx::query(
            "insert into branching.branches (id, name, slug, type, status, data_clone_mode, parent_id, created_by, created_at, updated_at,
                 expires_at, generation, operation_id, error, deleted_at, withheld, next_generation, data_as_of, protected, github, previous)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
             on conflict (slug) where status <> 'deleted' do nothing",
        )
        .bind(branch.id.as_uuid())
        .bind(branch.name.as_str())
        .bind(branch.slug.as_str())
        .bind(branch.branch_type.name())
        .bind(branch.state.status().name())
        .bind(branch.clone_mode.name())
        .bind(branch.parent_id.map(|parent| parent.as_uuid()))
        .bind(branch.created_by.map(|user| user.as_uuid()))
        .bind(branch.created_at)
        .bind(branch.updated_at)
        .bind(branch.expires_at)
        .bind(state.generation)
        .bind(state.operation_id)
        .bind(state.error)
        .bind(state.deleted_at)
        .bind(Json(&branch.withheld))
        .bind(state.next_generation)
        .bind(branch.data_as_of)
        .bind(branch.protected)
        .bind(branch.pull_request.as_ref().map(Json))
        .bind(branch.previous.as_ref().map(Json))
        .execute(&mut *self.transaction)
        .await
        .map_err(store)?;
        if inserted.rows_affected() == 0 {
            return Err(StoreError::Taken { what: "branch slug" });
        }
        self.touched.branches.push(branch.id);
        Ok(())
    }

    async fn update(&mut self, branch: &Branch) -> Result<(), StoreError> {
        let state = StateColumns::from(&branch.state);
        let updated = sqlx::query(
            "update branching.branches
             set name = $2, type = $3, status = $4, updated_at = $5, expires_at = $6, generation = $7, operation_id = $8, error = $9,
                 deleted_at = $10, withheld = $11, next_generation = $12, data_as_of = $13, protected = $14, github = $15, previous = $16
             where id = $1",
        )
        .bind(branch.id.as_uuid())
        .bind(branch.name.as_str())
        .bind(branch.branch_type.name())
        .bind(branch.state.status().name())
        .bind(branch.updated_at)
        .bind(branch.expires_at)
        .bind(state.generation)
        .bind(state.operation_id)
        .bind(state.error)
        .bind(state.deleted_at)
        .bind(Json(&branch.withheld))
        .bind(state.next_generation)
        .bind(branch.data_as_of)
        .bind(branch.protected)
        .bind(branch.pull_request.as_ref().map(Json))
        .bind(branch.previous.as_ref().map(Json))
        .execute(&mut *self.transaction)
        .await
        .map_err(store)?;
        if updated.rows_affected() == 0 {
            return Err(StoreError::Unexpected(format!("branch {} is not there to be written back", branch.id).into()));
        }
        self.touched.branches.push(branch.id);
        Ok(())
    }

    async fn grant(&mut self, branch: BranchId, grant: &Grant) -> Result<(), StoreError> {
        sqlx::query(
            "insert into branching.branch_access (branch_id, user_id, level, granted_by, granted_at) values ($1, $2, $3, $4, $5)
             on conflict (branch_id, user_id) do update
             set level = excluded.level, granted_by = excluded.granted_by, granted_at = excluded.granted_at",
        )
        .bind(branch.as_uuid())
        .bind(grant.user_id.as_uuid())
        .bind(grant.level.name())
        .bind(&grant.granted_by)
        .bind(grant.granted_at)
        .execute(&mut *self.transaction)
        .await
        .map_err(store)?;
        self.touched.branches.push(branch);
        Ok(())
    }

    async fn revoke_grant(&mut self, branch: BranchId, user: UserId) -> Result<bool, StoreError> {
        let deleted = sqlx::query("delete from branching.branch_access where branch_id = $1 and user_id = $2")
            .bind(branch.as_uuid())
            .bind(user.as_uuid())
            .execute(&mut *self.transaction)
            .await
            .map_err(store)?;
        self.touched.branches.push(branch);
        Ok(deleted.rows_affected() > 0)
    }
}
