//! Histories of branches.

use crate::{
    control_plane::MemoryUnitOfWork,
    paging::{newest_first, page},
};
use async_trait::async_trait;
use domain::{
    BranchId,
    page::{Page, PageRequest},
};
use ports::driven::{ActivityEntry, ActivityRepository, StoreError};

#[async_trait]
impl ActivityRepository for MemoryUnitOfWork {
    async fn record(&mut self, entry: &ActivityEntry) -> Result<(), StoreError> {
        self.write().await.activity.push(entry.clone());
        Ok(())
    }

    async fn list(&mut self, branch: BranchId, request: &PageRequest) -> Result<Page<ActivityEntry>, StoreError> {
        // Of two lines of the same time the one that came later is the newer one.
        let lines: Vec<(usize, ActivityEntry)> = self.read(|state| state.activity.iter().cloned().enumerate().collect());
        let lines = lines.into_iter().filter(|(_, entry)| entry.branch_id == branch).collect();
        let found = page("activity", request, lines, |(arrival, entry): &(usize, ActivityEntry)| newest_first(entry.at, *arrival as u128))?;
        Ok(Page { items: found.items.into_iter().map(|(_, entry)| entry).collect(), next_cursor: found.next_cursor })
    }
}
