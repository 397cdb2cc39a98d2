//! Histories of migrations.

use crate::{
    control_plane::MemoryUnitOfWork,
    paging::{newest_first, page},
};
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
        // Of two lines of the same time the one that came later is the newer one.
        let lines: Vec<(usize, MigrationHistory)> = self.read(|state| state.migrations.iter().cloned().enumerate().collect());
        let lines = lines.into_iter().filter(|(_, line)| line.branch_id == branch).collect();
        let found = page("migrations", request, lines, |(arrival, line): &(usize, MigrationHistory)| newest_first(line.at, *arrival as u128))?;
        Ok(Page { items: found.items.into_iter().map(|(_, line)| line).collect(), next_cursor: found.next_cursor })
    }
}
