//! API keys and service keys in the metadata database.

use super::{
    cursor::{self, Moment},
    error::store,
    key_row::{KeyRow, key_columns, scope_names},
    unit_of_work::PgUnitOfWork,
};
use async_trait::async_trait;
use domain::{
    Slug,
    access::KeyId,
    page::{Page, PageRequest},
};
use ports::driven::{KeyKind, KeyRecord, KeyRepository, StoreError};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

#[async_trait]
impl KeyRepository for PgUnitOfWork {
    async fn insert(&mut self, record: &KeyRecord, hash: &[u8; 32]) -> Result<(), StoreError> {
        sqlx::query(
            "insert into fluxbase.keys (id, kind, name, prefix, hash, user_id, scopes, branch, read_only, tables, rate_limit, created_at,
                 expires_at, revoked_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(record.id.as_uuid())
        .bind(record.kind.name())
        .bind(&record.name)
        .bind(&record.prefix)
        .bind(hash.as_slice())
        .bind(record.user_id.map(|user| user.as_uuid()))
        .bind(scope_names(record))
        .bind(record.restrictions.branch.as_ref().map(domain::Slug::as_str))
        .bind(record.restrictions.read_only)
        .bind(record.restrictions.tables.as_ref().map(Json))
        .bind(record.restrictions.rate_limit.map(i64::from))
        .bind(record.created_at)
        .bind(record.expires_at)
        .bind(record.revoked_at)
        .execute(&mut *self.transaction)
        .await
        .map_err(store)?;
        self.touched.keys.push(record.id);
        Ok(())
    }

    async fn list(&mut self, kind: KeyKind, page: &PageRequest) -> Result<Page<KeyRecord>, StoreError> {
        let after: Option<(Moment, Uuid)> = cursor::open(kind.name(), page)?;
        let rows: Vec<KeyRow> = sqlx::query_as(concat!(
            "select ",
            key_columns!(),
            " from fluxbase.keys
             where kind = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3))
             order by created_at desc, id desc
             limit $4"
        ))
        .bind(kind.name())
        .bind(after.map(|(created_at, _)| created_at.0))
        .bind(after.map(|(_, id)| id))
        .bind(cursor::rows(page))
        .fetch_all(&mut *self.transaction)
        .await
        .map_err(store)?;
        let records = rows.into_iter().map(KeyRecord::try_from).collect::<Result<_, _>>()?;
        Ok(cursor::page(kind.name(), page, records, |last: &KeyRecord| (Moment(last.created_at), last.id)))
    }

    async fn find(&mut self, kind: KeyKind, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let row: Option<KeyRow> = sqlx::query_as(concat!("select ", key_columns!(), " from fluxbase.keys where id = $1 and kind = $2"))
            .bind(id.as_uuid())
            .bind(kind.name())
            .fetch_optional(&mut *self.transaction)
            .await
            .map_err(store)?;
        row.map(KeyRecord::try_from).transpose()
    }

    async fn revoke_pinned(&mut self, slug: &Slug, at: OffsetDateTime) -> Result<(), StoreError> {
        let revoked: Vec<Uuid> = sqlx::query_scalar("update fluxbase.keys set revoked_at = $2 where branch = $1 and revoked_at is null returning id")
            .bind(slug.as_str())
            .bind(at)
            .fetch_all(&mut *self.transaction)
            .await
            .map_err(store)?;
        self.touched.keys.extend(revoked.into_iter().map(KeyId::from_uuid));
        Ok(())
    }

    async fn revoke(&mut self, kind: KeyKind, id: KeyId, at: OffsetDateTime) -> Result<Option<KeyRecord>, StoreError> {
        let row: Option<KeyRow> = sqlx::query_as(concat!(
            "update fluxbase.keys set revoked_at = coalesce(revoked_at, $3) where id = $1 and kind = $2 returning ",
            key_columns!()
        ))
        .bind(id.as_uuid())
        .bind(kind.name())
        .bind(at)
        .fetch_optional(&mut *self.transaction)
        .await
        .map_err(store)?;
        self.touched.keys.push(id);
        row.map(KeyRecord::try_from).transpose()
    }
}
