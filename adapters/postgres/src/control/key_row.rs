//! A row of `fluxbase.keys`, read back into a key.

use super::error::corrupt;
use domain::{
    BoxError, Scopes, UserId,
    access::{KeyId, Restrictions},
};
use ports::driven::{KeyKind, KeyRecord, StoreError, StoredKey};
use time::OffsetDateTime;
use uuid::Uuid;

/// The columns that [`KeyRow`] is read from.
macro_rules! key_columns {
    () => {
        "id, kind, name, prefix, user_id, scopes, branch, read_only, tables, rate_limit, created_at, expires_at, revoked_at"
    };
}
pub(super) use key_columns;

#[derive(sqlx::FromRow)]
pub(super) struct KeyRow {
    id: Uuid,
    kind: String,
    name: String,
    prefix: String,
    user_id: Option<Uuid>,
    scopes: Vec<String>,
    branch: Option<String>,
    read_only: bool,
    tables: Option<serde_json::Value>,
    rate_limit: Option<i64>,
    created_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
    revoked_at: Option<OffsetDateTime>,
}

#[derive(sqlx::FromRow)]
pub(super) struct StoredKeyRow {
    #[sqlx(flatten)]
    record: KeyRow,
    hash: Vec<u8>,
    user_email: Option<String>,
}

impl TryFrom<KeyRow> for KeyRecord {
    type Error = StoreError;

    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        let id = row.id;
        row.parse().map_err(|source| corrupt("fluxbase.keys", id, source))
    }
}

impl TryFrom<StoredKeyRow> for StoredKey {
    type Error = StoreError;

    fn try_from(row: StoredKeyRow) -> Result<Self, StoreError> {
        let record = KeyRecord::try_from(row.record)?;
        let hash = row.hash.try_into().map_err(|_| corrupt("fluxbase.keys", record.id, "a SHA-256 has 32 bytes"))?;
        Ok(Self { record, hash, user_email: row.user_email })
    }
}

impl KeyRow {
    fn parse(self) -> Result<KeyRecord, BoxError> {
        Ok(KeyRecord {
            id: KeyId::from_uuid(self.id),
            kind: kind(&self.kind).ok_or_else(|| format!("unknown kind of key '{}'", self.kind))?,
            name: self.name,
            prefix: self.prefix,
            user_id: self.user_id.map(UserId::from_uuid),
            scopes: Scopes::parse(self.scopes.iter().map(String::as_str))?,
            restrictions: Restrictions {
                branch: self.branch.map(|slug| slug.parse()).transpose()?,
                read_only: self.read_only,
                tables: self.tables.map(serde_json::from_value).transpose()?,
                rate_limit: self.rate_limit.map(u32::try_from).transpose()?,
            },
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
        })
    }
}

fn kind(name: &str) -> Option<KeyKind> {
    [KeyKind::Api, KeyKind::Service].into_iter().find(|kind| kind.name() == name)
}

/// Scopes as they are kept. `*` means every scope there will ever be, which is for service keys only.
pub(super) fn scope_names(record: &KeyRecord) -> Vec<&'static str> {
    match record.kind {
        KeyKind::Service => record.scopes.names(),
        KeyKind::Api => record.scopes.iter().map(domain::Scope::name).collect(),
    }
}
