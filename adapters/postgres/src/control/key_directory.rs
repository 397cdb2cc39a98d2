//! Keys for authentication, remembered.

use super::{
    cache::{Cache, Source},
    error::store,
    key_row::{StoredKeyRow, key_columns},
};
use async_trait::async_trait;
use domain::access::KeyId;
use ports::driven::{KeyDirectory, StoreError, StoredKey};
use sqlx::PgPool;
use std::{fmt, sync::Arc};

/// Keys by prefix. Change them by the control plane that it was given to; a `ChangeListener` tells it of everybody else's changes.
pub struct PgKeyDirectory {
    by_prefix: Cache<ByPrefix>,
}

impl PgKeyDirectory {
    /// A directory that remembers nothing yet.
    pub fn new(pool: PgPool) -> Self {
        Self { by_prefix: Cache::new(ByPrefix(pool)) }
    }

    pub(super) fn forget(&self, ids: &[KeyId]) {
        if !ids.is_empty() {
            self.by_prefix.forget(|key| ids.contains(&key.record.id));
        }
    }

    pub(super) fn forget_all(&self) {
        self.by_prefix.forget(|_| true);
    }
}

impl fmt::Debug for PgKeyDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgKeyDirectory").finish_non_exhaustive()
    }
}

#[async_trait]
impl KeyDirectory for PgKeyDirectory {
    async fn find(&self, prefix: &str) -> Result<Option<Arc<StoredKey>>, StoreError> {
        self.by_prefix.get(prefix).await
    }
}

struct ByPrefix(PgPool);

impl Source for ByPrefix {
    type Key = String;
    type Value = StoredKey;

    async fn load(&self, prefix: &String) -> Result<Option<StoredKey>, StoreError> {
        let row: Option<StoredKeyRow> = sqlx::query_as(concat!(
            "select ",
            key_columns!(),
            ", hash, (select u.email::text from auth.users u where u.id = k.user_id) as user_email from fluxbase.keys k where prefix = $1"
        ))
        .bind(prefix)
        .fetch_optional(&self.0)
        .await
        .map_err(store)?;
        row.map(StoredKey::try_from).transpose()
    }
}
