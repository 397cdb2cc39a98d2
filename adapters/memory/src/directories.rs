//! What every request looks up: always the committed state.

use crate::control_plane::Committed;
use async_trait::async_trait;
use domain::{Branch, BranchId, Slug};
use ports::driven::{BranchDirectory, Clock, KeyDirectory, SessionDirectory, StoreError, StoredKey};
use std::{fmt, sync::Arc};
use uuid::Uuid;

/// Branches for routing.
#[derive(Clone, Debug)]
pub struct MemoryBranchDirectory(Committed);

/// Keys for authentication.
#[derive(Clone, Debug)]
pub struct MemoryKeyDirectory(Committed);

/// Login sessions for their access tokens.
#[derive(Clone)]
pub struct MemorySessionDirectory(Committed, Arc<dyn Clock>);

impl fmt::Debug for MemorySessionDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySessionDirectory").finish_non_exhaustive()
    }
}

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

impl MemorySessionDirectory {
    pub(crate) fn new(committed: Committed, clock: Arc<dyn Clock>) -> Self {
        Self(committed, clock)
    }
}

#[async_trait]
impl SessionDirectory for MemorySessionDirectory {
    async fn goes_on(&self, session: Uuid) -> Result<bool, StoreError> {
        Ok(self.0.state().sessions.get(&session).is_some_and(|session| !session.ended && session.until > self.1.now()))
    }
}
