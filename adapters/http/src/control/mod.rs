//! The routes of the control plane: sessions, users, keys, branches, operations, the schema.

mod answers;
mod api_keys;
mod asking;
mod audit;
mod branch_access;
mod branches;
mod contract;
mod diffs;
mod events;
mod health;
mod ledger;
mod life_cycle;
mod migrations;
mod operations;
mod schema;
mod service_keys;
mod sessions;
mod users;

pub(crate) use answers::{Answer, Begun, NoContent};
pub(crate) use api_keys::ApiKeys;
pub(crate) use asking::{Anybody, Asking, page};
pub(crate) use audit::Audit;
pub(crate) use branch_access::BranchAccess;
pub(crate) use branches::Branches;
pub(crate) use contract::{Contract, METHODS, not_allowed};
pub(crate) use diffs::Diffs;
pub(crate) use health::Health;
pub use health::Readiness;
pub(crate) use ledger::Ledger;
pub(crate) use life_cycle::LifeCycle;
pub(crate) use migrations::Migrations;
pub(crate) use operations::Operations;
pub(crate) use schema::Schema;
pub(crate) use service_keys::ServiceKeys;
pub(crate) use sessions::Sessions;
pub(crate) use users::Users;

use poem_openapi::Tags;

/// What the routes are grouped by.
#[derive(Tags)]
pub(crate) enum Group {
    /// Rows of tables and views, under row level security.
    Tables,
    /// What tables there are.
    Schema,
    /// Signing up, in and out.
    Auth,
    /// API keys and service keys.
    Keys,
    /// Users, for administrators.
    Users,
    /// Who asked for what, and what came of it.
    Audit,
    /// Branches of the database and the operations on them.
    Branches,
    /// The Model Context Protocol, for AI assistants.
    #[oai(rename = "MCP")]
    Mcp,
    /// Whether the server lives and answers.
    Health,
}
