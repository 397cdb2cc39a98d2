//! Keys in JSON.

use poem_openapi::Object;
use ports::{driven::KeyRecord, driving::CreatedKey};
use time::OffsetDateTime;
use uuid::Uuid;

/// An API key or a service key, without its secret.
#[derive(Object)]
#[oai(rename = "Key")]
pub(crate) struct KeyDocument {
    /// Identity.
    pub(crate) id: Uuid,
    /// The beginning of the secret, by which it is recognised.
    pub(crate) prefix: String,
    /// What people call it.
    pub(crate) name: String,
    /// What it may be used for; `*` stands for everything.
    pub(crate) scopes: Vec<String>,
    /// The user it acts for.
    #[oai(nullable)]
    pub(crate) user_id: Option<Uuid>,
    /// The only branch it may be used on.
    #[oai(nullable)]
    pub(crate) branch: Option<String>,
    /// Whether it may only read.
    pub(crate) read_only: bool,
    /// The only tables it may touch, as `schema.table`.
    #[oai(nullable)]
    pub(crate) tables: Option<Vec<String>>,
    /// Requests a minute.
    #[oai(nullable)]
    pub(crate) rate_limit: Option<u32>,
    /// When it was made.
    pub(crate) created_at: OffsetDateTime,
    /// When it stops being good.
    #[oai(nullable)]
    pub(crate) expires_at: Option<OffsetDateTime>,
    /// When it was revoked.
    #[oai(nullable)]
    pub(crate) revoked_at: Option<OffsetDateTime>,
}

/// A key as it was made.
#[derive(Object)]
#[oai(rename = "CreatedKey")]
pub(crate) struct CreatedKeyDocument {
    /// The secret: what its holder sends. It is shown this once.
    pub(crate) key: String,
    /// What is kept of it.
    #[oai(flatten)]
    pub(crate) record: KeyDocument,
}

impl From<KeyRecord> for KeyDocument {
    fn from(record: KeyRecord) -> Self {
        let restrictions = record.restrictions;
        Self {
            id: record.id.as_uuid(),
            prefix: record.prefix,
            name: record.name,
            scopes: record.scopes.names().into_iter().map(str::to_owned).collect(),
            user_id: record.user_id.map(|id| id.as_uuid()),
            branch: restrictions.branch.map(Into::into),
            read_only: restrictions.read_only,
            tables: restrictions.tables.map(|tables| tables.iter().map(ToString::to_string).collect()),
            rate_limit: restrictions.rate_limit,
            created_at: record.created_at,
            expires_at: record.expires_at,
            revoked_at: record.revoked_at,
        }
    }
}

impl From<CreatedKey> for CreatedKeyDocument {
    fn from(created: CreatedKey) -> Self {
        Self { key: created.secret.expose().to_owned(), record: created.record.into() }
    }
}
