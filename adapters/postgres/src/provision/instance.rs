//! Which instance a database belongs to, and with which key its secrets are sealed.

use super::error::ProvisionError;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Refuses a key other than the one that the secrets here are sealed with. A database that no instance has claimed yet takes any.
pub async fn check_encryption_key(pool: &PgPool, fingerprint: &str) -> Result<(), ProvisionError> {
    let known: Option<String> = sqlx::query_scalar("select encryption_key_fingerprint from fluxbase.instance").fetch_optional(pool).await?;
    same(known.as_deref().unwrap_or(fingerprint), fingerprint)
}

/// The instance of this database, made at the first start.
pub(super) async fn claim(connection: &mut PgConnection, fingerprint: &str) -> Result<Uuid, ProvisionError> {
    sqlx::query("insert into fluxbase.instance (id, encryption_key_fingerprint) values (gen_random_uuid(), $1) on conflict do nothing")
        .bind(fingerprint)
        .execute(&mut *connection)
        .await?;
    let (id, known): (Uuid, String) = sqlx::query_as("select id, encryption_key_fingerprint from fluxbase.instance").fetch_one(connection).await?;
    same(&known, fingerprint)?;
    Ok(id)
}

fn same(known: &str, fingerprint: &str) -> Result<(), ProvisionError> {
    if known == fingerprint { Ok(()) } else { Err(ProvisionError::WrongEncryptionKey) }
}
