//! Roles of the server that belong to branches: the logins of their databases, and those that people connect by.

mod branch_logins;
pub(crate) mod connection_role;
pub(crate) mod database_logins;
pub(crate) mod gone_logins;
mod locks;
pub(crate) mod login_objects;
pub(crate) mod membership;
pub(crate) mod names;
mod own_settings;
pub(crate) mod past_policies;
mod reclaim;
mod restorer;
mod verifier;

pub use branch_logins::{Entrance, PgBranchLogins};
pub use restorer::PgLoginRestorer;
