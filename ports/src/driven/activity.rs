//! `branching.activity_log`: who did what to a branch.

use super::StoreError;
use async_trait::async_trait;
use domain::{
    BranchId,
    page::{Page, PageRequest},
};
use time::OffsetDateTime;

/// One line of a branch's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityEntry {
    /// The branch.
    pub branch_id: BranchId,
    /// When.
    pub at: OffsetDateTime,
    /// Who: `user:<id>`, `key:<id>`, `fluxbase`.
    pub actor: String,
    /// What: `create_requested`, `created`, `create_failed`, `delete_requested`, `deleted`, `expired`, ...
    pub action: String,
    /// More about it, for people.
    pub detail: Option<String>,
}

/// Branch histories in the metadata database.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ActivityRepository: Send {
    /// Adds a line.
    async fn record(&mut self, entry: &ActivityEntry) -> Result<(), StoreError>;
    /// Whether a line of this action was added since then, that moment too.
    async fn tells(&mut self, branch: BranchId, action: &str, since: OffsetDateTime) -> Result<bool, StoreError>;
    /// A branch's lines, newest first.
    async fn list(&mut self, branch: BranchId, page: &PageRequest) -> Result<Page<ActivityEntry>, StoreError>;
}
