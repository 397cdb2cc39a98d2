//! Access to branches in JSON.

use domain::branch::Grant;
use poem_openapi::Object;
use time::OffsetDateTime;
use uuid::Uuid;

/// Access to a branch that was granted to a user.
#[derive(Object)]
#[oai(rename = "Grant")]
pub(crate) struct GrantDocument {
    /// To whom.
    pub(crate) user_id: Uuid,
    /// How far: `read` (see it, compare it, read its data), `write` (change its data, migrate it, connect to it) or `admin` (reset it, delete it, grant).
    pub(crate) level: String,
    /// By whom: `user:<id>`, `key:<id>` or `fluxbase`.
    pub(crate) granted_by: String,
    /// Since when.
    pub(crate) granted_at: OffsetDateTime,
}

impl From<Grant> for GrantDocument {
    fn from(grant: Grant) -> Self {
        Self { user_id: grant.user_id.as_uuid(), level: grant.level.name().to_owned(), granted_by: grant.granted_by, granted_at: grant.granted_at }
    }
}
