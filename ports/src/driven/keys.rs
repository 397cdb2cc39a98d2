//! API keys and service keys in the metadata database.

use super::{KeyKind, StoreError};
use async_trait::async_trait;
use domain::{
    Scopes, Slug,
    access::{KeyId, Restrictions},
    page::{Page, PageRequest},
    user::UserId,
};
use time::OffsetDateTime;

/// What is kept of a key and may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Identity.
    pub id: KeyId,
    /// API key or service key.
    pub kind: KeyKind,
    /// What people call it.
    pub name: String,
    /// The beginning of the secret, by which it is found and recognised.
    pub prefix: String,
    /// The user it acts for.
    pub user_id: Option<UserId>,
    /// What it may be used for.
    pub scopes: Scopes,
    /// What narrows it further.
    pub restrictions: Restrictions,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it stops being good.
    pub expires_at: Option<OffsetDateTime>,
    /// When it was revoked.
    pub revoked_at: Option<OffsetDateTime>,
}

/// A key with what it is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// What may be shown.
    pub record: KeyRecord,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// The e-mail address of its user, for the claims.
    pub user_email: Option<String>,
}

/// Keys in the metadata database.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait KeyRepository: Send {
    /// Adds a key.
    async fn insert(&mut self, record: &KeyRecord, hash: &[u8; 32]) -> Result<(), StoreError>;
    /// A kind's keys, newest first, revoked ones too.
    async fn list(&mut self, kind: KeyKind, page: &PageRequest) -> Result<Page<KeyRecord>, StoreError>;
    /// A key by kind and id.
    async fn find(&mut self, kind: KeyKind, id: KeyId) -> Result<Option<KeyRecord>, StoreError>;
    /// Revokes every key that is pinned to a branch of this slug: they end with it, for the slug may be somebody else's next.
    async fn revoke_pinned(&mut self, slug: &Slug, at: OffsetDateTime) -> Result<(), StoreError>;
    /// Revokes a key, unless it is already; gives the record as it then is.
    async fn revoke(&mut self, kind: KeyKind, id: KeyId, at: OffsetDateTime) -> Result<Option<KeyRecord>, StoreError>;
}
