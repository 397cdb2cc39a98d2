//! Histories of branches.

use crate::{control_plane::MemoryUnitOfWork, paging::history};
use async_trait::async_trait;
use domain::{
    BranchId,
    page::{Page, PageRequest},
};
use ports::driven::{ActivityEntry, ActivityRepository, StoreError};
use time::OffsetDateTime;

#[async_trait]
impl ActivityRepository for MemoryUnitOfWork {
    async fn record(&mut self, entry: &ActivityEntry) -> Result<(), StoreError> {
        self.write().await.activity.push(entry.clone());
        Ok(())
    }

    async fn tells(&mut self, branch: BranchId, action: &str, since: OffsetDateTime) -> Result<bool, StoreError> {
        self.read(|state| Ok(state.activity.iter().any(|entry| entry.branch_id == branch && entry.action == action && entry.at >= since)))
    }

    async fn list(&mut self, branch: BranchId, request: &PageRequest) -> Result<Page<ActivityEntry>, StoreError> {
        self.read(|state| history("activity", request, &state.activity, |entry| entry.branch_id == branch, |entry| entry.at))
    }
}
