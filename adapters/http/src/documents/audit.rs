//! Rows of the audit trail in JSON.

use poem_openapi::Object;
use ports::driven::AuditRecord;
use time::OffsetDateTime;
use uuid::Uuid;

/// Who asked for what, where, and what came of it.
#[derive(Object)]
#[oai(rename = "AuditRow")]
pub(crate) struct AuditRowDocument {
    /// Order of arrival.
    pub(crate) id: i64,
    /// When the action ended.
    pub(crate) at: OffsetDateTime,
    /// The request it was part of: its `X-Request-Id`.
    pub(crate) request_id: String,
    /// What kind of credential was shown: `api_key`, `service_key`, `token`, `anonymous` or `internal`.
    pub(crate) principal_kind: String,
    /// The key's id, or the user's.
    #[oai(nullable)]
    pub(crate) principal_id: Option<Uuid>,
    /// The user acted for.
    #[oai(nullable)]
    pub(crate) user_id: Option<Uuid>,
    /// The door it came through: `rest`, `mcp` or `internal`.
    pub(crate) door: String,
    /// What was asked: the id of an operation here, the name of an MCP tool.
    pub(crate) action: String,
    /// Slug of the branch it was asked of.
    #[oai(nullable)]
    pub(crate) branch: Option<String>,
    /// The thing acted on: a table, a key, a user.
    #[oai(nullable)]
    pub(crate) target: Option<String>,
    /// `ok`, or the refusal's code.
    pub(crate) outcome: String,
    /// How long it took, in microseconds.
    pub(crate) duration_us: u64,
}

impl From<AuditRecord> for AuditRowDocument {
    fn from(row: AuditRecord) -> Self {
        Self {
            id: row.id,
            at: row.at,
            request_id: row.request_id,
            principal_kind: row.principal_kind,
            principal_id: row.principal_id,
            user_id: row.user_id,
            door: row.door,
            action: row.action,
            branch: row.branch,
            target: row.target,
            outcome: row.outcome,
            duration_us: row.duration_us,
        }
    }
}
