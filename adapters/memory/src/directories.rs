//! What every request looks up: always the committed state.

use crate::control_plane::Committed;
use async_trait::async_trait;
use domain::{Branch, BranchId, Slug};
use ports::driven::{BranchDirectory, KeyDirectory, StoreError, StoredKey};
use std::sync::Arc;

/// Branches for routing.
#[derive(Clone, Debug)]
pub struct MemoryBranchDirectory(Committed);

/// Keys for authentication.
#[derive(Clone, Debug)]
pub struct MemoryKeyDirectory(Committed);

impl MemoryBranchDirectory {
    pub(crate) fn new(committed: Committed) -> Self {
        Self(committed)
    }

    fn find_by(&self, wanted: impl Fn(&Branch) -> bool) -> Option<Arc<Branch>> {
        self.0.state().live_branches().find(|branch| wanted(branch)).cloned().map(Arc::new)
    }
}

impl MemoryKeyDirectory {
    pub(crate) fn new(committed: Committed) -> Self {
        Self(committed)
    }
}

#[async_trait]
impl BranchDirectory for MemoryBranchDirectory {
    async fn find(&self, slug: &Slug) -> Result<Option<Arc<Branch>>, StoreError> {
        Ok(self.find_by(|branch| branch.slug == *slug))
    }

    async fn find_by_id(&self, id: BranchId) -> Result<Option<Arc<Branch>>, StoreError> {
        Ok(self.find_by(|branch| branch.id == id))
    }
}

#[async_trait]
impl KeyDirectory for MemoryKeyDirectory {
    async fn find(&self, prefix: &str) -> Result<Option<Arc<StoredKey>>, StoreError> {
        let state = self.0.state();
        let Some(key) = state.keys.values().find(|key| key.record.prefix == prefix) else { return Ok(None) };
        let user_email = key.record.user_id.and_then(|user| state.users.get(&user)).map(|stored| stored.user.email.clone());
        Ok(Some(Arc::new(StoredKey { record: key.record.clone(), hash: key.hash, user_email })))
    }
}
