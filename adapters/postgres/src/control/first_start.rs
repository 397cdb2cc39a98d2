//! What the control plane holds from its first start on.

use super::{
    branch_row::{BranchRow, branch_columns},
    error::store,
};
use domain::Branch;
use ports::driven::StoreError;
use sqlx::PgPool;

/// The main branch: the database as it is, served by its first generation from the beginning. Made where it is not there yet.
pub async fn ensure_main(pool: &PgPool) -> Result<Branch, StoreError> {
    sqlx::query(
        "insert into branching.branches (id, name, slug, type, status, data_clone_mode, created_at, updated_at, generation)
         values (gen_random_uuid(), 'main', 'main', 'main', 'ready', 'full_clone', now(), now(), 1)
         on conflict (slug) where status <> 'deleted' do nothing",
    )
    .execute(pool)
    .await
    .map_err(store)?;
    let row: BranchRow =
        sqlx::query_as(concat!("select ", branch_columns!(), " from branching.branches where type = 'main'")).fetch_one(pool).await.map_err(store)?;
    row.try_into()
}
