//! API keys and service keys.

use crate::{
    control_plane::MemoryUnitOfWork,
    paging::{newest_first, page},
    state::KeyRow,
};
use async_trait::async_trait;
use domain::{
    Slug,
    access::KeyId,
    page::{Page, PageRequest},
};
use ports::driven::{KeyKind, KeyRecord, KeyRepository, StoreError};
use time::OffsetDateTime;

#[async_trait]
impl KeyRepository for MemoryUnitOfWork {
    async fn insert(&mut self, record: &KeyRecord, hash: &[u8; 32]) -> Result<(), StoreError> {
        let state = self.write().await;
        if state.keys.values().any(|key| key.record.id == record.id || key.record.prefix == record.prefix) {
            return Err(StoreError::Taken { what: "key" });
        }
        state.keys.insert(record.id, KeyRow { record: record.clone(), hash: *hash });
        Ok(())
    }

    async fn list(&mut self, kind: KeyKind, request: &PageRequest) -> Result<Page<KeyRecord>, StoreError> {
        let of_kind = |state: &crate::state::State| state.keys.values().map(|key| key.record.clone()).filter(|key| key.kind == kind).collect();
        page(kind.name(), request, self.read(of_kind), |key: &KeyRecord| newest_first(key.created_at, key.id.as_uuid().as_u128()))
    }

    async fn find(&mut self, kind: KeyKind, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.read(|state| state.keys.get(&id).map(|key| key.record.clone()).filter(|key| key.kind == kind)))
    }

    async fn revoke_pinned(&mut self, slug: &Slug, at: OffsetDateTime) -> Result<(), StoreError> {
        let state = self.write().await;
        for key in state.keys.values_mut().filter(|key| key.record.restrictions.branch.as_ref() == Some(slug)) {
            key.record.revoked_at.get_or_insert(at);
        }
        Ok(())
    }

    async fn revoke(&mut self, kind: KeyKind, id: KeyId, at: OffsetDateTime) -> Result<Option<KeyRecord>, StoreError> {
        let state = self.write().await;
        let Some(key) = state.keys.get_mut(&id).filter(|key| key.record.kind == kind) else { return Ok(None) };
        key.record.revoked_at.get_or_insert(at);
        Ok(Some(key.record.clone()))
    }
}
