//! Whom we connect to a branch's database as.

use super::{BuildError, Secret};
use async_trait::async_trait;
use domain::branch::DatabaseName;
use std::fmt;

/// What a login is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoginPurpose {
    /// User traffic: may become `anon` and `authenticated`.
    User,
    /// Service traffic: may become the role that sees all rows.
    Service,
    /// Work inside the database, as its objects' owner.
    Builder,
}

impl LoginPurpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::User, Self::Service, Self::Builder];
}

/// A login and its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseLogin {
    /// The role.
    pub name: String,
    /// Its password.
    pub password: Secret,
}

/// The logins of branch databases: each database has its own, which can connect to it and to no other of ours.
///
/// Code that people wrote runs in sessions of these logins, and whoever is in a session can give its login another password or other settings: PostgreSQL
/// has no way to forbid that. With logins shared by branches one branch's owner would so come to all others, and to main.
///
/// # Contract
/// A login follows from its database's name, so that every replica knows it without asking. It is a role on the server from when it is let in (the builder
/// when its database is made, the others when it is opened to traffic) until the database is dropped. Its password is at least 256 bits that nobody can
/// guess: the server keeps it by a single round of hashing.
pub trait DatabaseLogins: Send + Sync + fmt::Debug {
    /// The login of a branch's database.
    fn of(&self, purpose: LoginPurpose, database: &DatabaseName) -> DatabaseLogin;
    /// The instance's role that logins of this purpose are the image of: what it is a member of, they are; what is set for it, is set for them.
    fn image(&self, purpose: LoginPurpose) -> &str;
}

/// Puts the logins of a branch's database right where somebody changed them: whoever connects by one asks for that when its password is refused, and whoever
/// ran what people wrote asks afterwards.
///
/// # Contract
/// Afterwards those of the database's logins that are there have the password of [`DatabaseLogins::of`], and the settings of their image. None is made that was
/// not there. Their sessions go on.
#[async_trait]
pub trait LoginRestorer: Send + Sync + fmt::Debug {
    /// Puts them right.
    async fn restore(&self, database: &DatabaseName) -> Result<(), BuildError>;
}

/// Changes nothing: where the logins are nobody's to change.
#[derive(Clone, Copy, Debug)]
pub struct NoLoginRestorer;

#[async_trait]
impl LoginRestorer for NoLoginRestorer {
    async fn restore(&self, _: &DatabaseName) -> Result<(), BuildError> {
        Ok(())
    }
}
