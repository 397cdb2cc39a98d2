//! Histories of migrations.

use crate::{control_plane::MemoryUnitOfWork, paging::history};
use async_trait::async_trait;
use domain::{
    BranchId,
    page::{Page, PageRequest},
};
use ports::driven::{MigrationHistory, MigrationHistoryRepository, StoreError};

#[async_trait]
impl MigrationHistoryRepository for MemoryUnitOfWork {
    async fn record(&mut self, line: &MigrationHistory) -> Result<(), StoreError> {
        self.write().await.migrations.push(line.clone());
        Ok(())
    }

    async fn list(&mut self, branch: BranchId, request: &PageRequest) -> Result<Page<MigrationHistory>, StoreError> {
        self.read(|state| history("migrations", request, &state.migrations, |line| line.branch_id == branch, |line| line.at))
    }
}
