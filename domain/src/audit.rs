//! What is written down about every action.

use crate::{access::Action, branch::Slug};
use time::OffsetDateTime;
use uuid::Uuid;

/// One row of the audit trail: who asked for what, where, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When the action ended.
    pub at: OffsetDateTime,
    /// The request it was part of (`X-Request-Id`).
    pub request_id: String,
    /// Kind of principal: `api_key`, `service_key`, `user`, `anonymous`, `local`.
    pub principal_kind: &'static str,
    /// The key's or the user's id.
    pub principal_id: Option<Uuid>,
    /// The user acted for.
    pub user_id: Option<Uuid>,
    /// The door it came through: `rest`, `mcp`, `internal`.
    pub door: &'static str,
    /// What was asked.
    pub action: Action,
    /// The branch it was asked of, where the action has one.
    pub branch: Option<Slug>,
    /// The thing acted on: a table, a key, a user.
    pub target: Option<String>,
    /// `ok`, or the failure's code.
    pub outcome: String,
    /// How long it took, in microseconds.
    pub duration_us: u64,
}
