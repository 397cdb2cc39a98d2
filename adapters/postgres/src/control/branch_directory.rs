//! Branches for routing, remembered.

use super::{
    branch_row::{BranchRow, branch_columns},
    cache::{Cache, Source},
    error::store,
};
use async_trait::async_trait;
use domain::{Branch, BranchId, Slug};
use ports::driven::{BranchDirectory, StoreError};
use sqlx::PgPool;
use std::{fmt, sync::Arc};

/// Live branches, by slug and by id. Change it by the control plane that it was given to; a `ChangeListener` tells it of everybody else's changes.
pub struct PgBranchDirectory {
    by_slug: Cache<BySlug>,
    by_id: Cache<ById>,
}

impl PgBranchDirectory {
    /// A directory that remembers nothing yet.
    pub fn new(pool: PgPool) -> Self {
        Self { by_slug: Cache::new(BySlug(pool.clone())), by_id: Cache::new(ById(pool)) }
    }

    pub(super) fn forget(&self, ids: &[BranchId]) {
        if !ids.is_empty() {
            self.by_slug.forget(|branch| ids.contains(&branch.id));
            self.by_id.forget(|branch| ids.contains(&branch.id));
        }
    }

    pub(super) fn forget_all(&self) {
        self.by_slug.forget(|_| true);
        self.by_id.forget(|_| true);
    }
}

impl fmt::Debug for PgBranchDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgBranchDirectory").finish_non_exhaustive()
    }
}

#[async_trait]
impl BranchDirectory for PgBranchDirectory {
    async fn find(&self, slug: &Slug) -> Result<Option<Arc<Branch>>, StoreError> {
        self.by_slug.get(slug).await
    }

    async fn find_by_id(&self, id: BranchId) -> Result<Option<Arc<Branch>>, StoreError> {
        self.by_id.get(&id).await
    }
}

struct BySlug(PgPool);

impl Source for BySlug {
    type Key = Slug;
    type Value = Branch;

    async fn load(&self, slug: &Slug) -> Result<Option<Branch>, StoreError> {
        let sql = concat!("select ", branch_columns!(), " from branching.branches where slug = $1 and status <> 'deleted'");
        let row: Option<BranchRow> = sqlx::query_as(sql).bind(slug.as_str()).fetch_optional(&self.0).await.map_err(store)?;
        row.map(Branch::try_from).transpose()
    }
}

struct ById(PgPool);

impl Source for ById {
    type Key = BranchId;
    type Value = Branch;

    async fn load(&self, id: &BranchId) -> Result<Option<Branch>, StoreError> {
        let sql = concat!("select ", branch_columns!(), " from branching.branches where id = $1 and status <> 'deleted'");
        let row: Option<BranchRow> = sqlx::query_as(sql).bind(id.as_uuid()).fetch_optional(&self.0).await.map_err(store)?;
        row.map(Branch::try_from).transpose()
    }
}
