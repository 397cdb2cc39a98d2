//! The login of a branch: a role of its own that can connect to this branch's database and to no other of ours.

use super::{BuildError, DatabaseTag, Footing, Secret};
use async_trait::async_trait;
use domain::{BranchId, branch::DatabaseName};
use time::OffsetDateTime;

/// Where and as whom to connect to a branch's database; the password apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchLogin {
    /// The role.
    pub user: String,
    /// The host as clients reach it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database.
    pub database: DatabaseName,
    /// When its password was made.
    pub rotated_at: OffsetDateTime,
    /// Other databases of the server that let PUBLIC in, this login too: for people to know.
    pub other_databases: Vec<String>,
}

/// Makes, changes and takes away the logins of branches.
///
/// # Contract
/// - A login is a member of the owner role of branches' objects and has no other rights: no superuser, no CREATEDB, no CREATEROLE, no server files.
/// - It may connect to the database that it was issued for and to no other database of ours.
/// - What is done behind a branch's lock is done while the unit of work that took the lock holds it; else nothing is, and that is [`BuildError::Stopped`].
/// - The password is kept encrypted; a login that was never issued does not exist as a role.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BranchLogins: Send + Sync {
    /// Makes the branch's login, or gives it a new password; lets it connect to the generation that serves.
    async fn issue(&self, serving: &DatabaseTag, footing: Footing) -> Result<(BranchLogin, Secret), BuildError>;
    /// The branch's login, where it was issued.
    async fn find(&self, serving: &DatabaseTag) -> Result<Option<BranchLogin>, BuildError>;
    /// Lets an issued login connect to this generation too; nothing where none was issued.
    async fn admit(&self, target: &DatabaseTag, footing: Footing) -> Result<(), BuildError>;
    /// Lets the branch's login connect to this generation no more, and ends the sessions that people have on it; those of requests, and of the builder, go
    /// on. Nothing where the generation is gone. A session that the server does not end in time is no error: [`super::BranchBuilder::shut_out`] follows.
    async fn see_off(&self, replaced: &DatabaseTag, footing: Footing) -> Result<(), BuildError>;
    /// Takes the logins by which we ourselves connect to this generation back from whoever came to their passwords by code that ran over them: puts them right,
    /// and ends the sessions that were begun until then. Those in which something is at work may be ours, and have a minute for it.
    async fn reclaim(&self, serving: &DatabaseTag) -> Result<(), BuildError>;
    /// Cuts the login off and drops it. One that is not there is no error.
    async fn revoke(&self, branch: BranchId) -> Result<(), BuildError>;
}
