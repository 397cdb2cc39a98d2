//! What a server and its admin login can do.

use super::{
    error::ProvisionError,
    finding::{Finding, Severity},
};
use serde::Serialize;

/// What a server and its admin login can do, and what is missing.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a right of its own")]
pub struct Capabilities {
    /// `server_version_num`.
    pub server_version_num: u32,
    /// `server_version`.
    pub server_version: String,
    /// The database.
    pub database: String,
    /// The admin login.
    pub admin: String,
    /// Whether it is a superuser.
    pub superuser: bool,
    /// Whether it can make databases, so branches.
    pub can_create_databases: bool,
    /// Whether it can make roles.
    pub can_create_roles: bool,
    /// Whether row level security does not hold it.
    pub bypasses_rls: bool,
    /// Whether it can make roles that row level security does not hold.
    pub can_grant_bypass_rls: bool,
    /// Whether it can have changes of the catalogue told by an event trigger.
    pub can_make_event_triggers: bool,
    /// Whether it owns the database.
    pub owns_database: bool,
    /// `max_connections`.
    pub max_connections: u32,
    /// Exposed schemas that it does not own.
    pub foreign_schemas: Vec<String>,
    /// Exposed relations that belong to roles whose rights it has not.
    pub foreign_relations: Vec<String>,
    /// Exposed tables with FORCE ROW LEVEL SECURITY, whose rows not even their owner sees past the policies.
    pub forced_rls_tables: Vec<String>,
    /// What is missing, with the way round.
    pub findings: Vec<Finding>,
}

impl Capabilities {
    /// The server's major version.
    pub fn major(&self) -> u32 {
        self.server_version_num / 10_000
    }

    /// Whether a grant of a role has options of its own for INHERIT and SET.
    pub(super) fn grants_have_options(&self) -> bool {
        self.major() >= 16
    }

    /// An error where something is missing that Fluxbase cannot do without.
    pub fn refuse_if_unfit(&self) -> Result<(), ProvisionError> {
        let blocking: Vec<_> = self.findings.iter().filter(|finding| finding.severity == Severity::Blocking).cloned().collect();
        if blocking.is_empty() { Ok(()) } else { Err(ProvisionError::Unfit(blocking)) }
    }
}
