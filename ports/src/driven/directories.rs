//! What every request looks up: cached, told of changes, at most a second old on any replica.

use super::{StoreError, StoredKey};
use async_trait::async_trait;
use domain::{Branch, BranchId, Slug};
use std::sync::Arc;
use uuid::Uuid;

/// Branches, for routing.
///
/// # Contract
/// At once true on the replica that changed a branch, within a second on every other. An answer that was never true is never given.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BranchDirectory: Send + Sync {
    /// A live branch by slug.
    async fn find(&self, slug: &Slug) -> Result<Option<Arc<Branch>>, StoreError>;
    /// A live branch by id.
    async fn find_by_id(&self, id: BranchId) -> Result<Option<Arc<Branch>>, StoreError>;
}

/// Keys, for authentication. The same promise as [`BranchDirectory`]'s.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait KeyDirectory: Send + Sync {
    /// The key with this prefix, revoked ones too.
    async fn find(&self, prefix: &str) -> Result<Option<Arc<StoredKey>>, StoreError>;
}

/// Login sessions, for their access tokens. The same promise as [`BranchDirectory`]'s.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SessionDirectory: Send + Sync {
    /// Whether a session goes on: it was begun here, has not ended, and its time is not up.
    async fn goes_on(&self, session: Uuid) -> Result<bool, StoreError>;
}
