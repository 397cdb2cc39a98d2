//! What the data path needs to know of its surroundings.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use domain::{access::Role, branch::DatabaseName};
use ports::driven::{DatabaseLogins, LoginPurpose, LoginRestorer};
use secrecy::SecretString;

use crate::wire::Target;

/// A login and its password. Its Debug hides the password.
#[derive(Clone, Debug)]
pub struct Login {
    /// The role that logs in.
    pub name: String,
    /// Its password, where it has one.
    pub password: Option<SecretString>,
}

/// What the data path needs to know of its surroundings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server and how far to trust the way there. Its database, user and password are not looked at.
    pub server: Target,
    /// The login of user traffic in main's database: it may become `anon` and `authenticated` only.
    pub main_user: Login,
    /// The login of service traffic there: the admin's own, where nobody else can be let become the owner of its tables.
    pub main_service: Login,
    /// The logins of branch databases.
    pub logins: Arc<dyn DatabaseLogins>,
    /// What puts them right where code that ran over one has changed it.
    pub restorer: Arc<dyn LoginRestorer>,
    /// Main's database: the one that was there before Fluxbase.
    pub main_database: DatabaseName,
    /// The role of service traffic in main's database: `service_role`, or the owner role where that cannot bypass row level security.
    pub main_service_role: String,
    /// The same in the databases of branches.
    pub branch_service_role: String,
    /// The schemas whose relations can be reached, in the order in which bare names are looked up.
    pub schemas: Vec<String>,
    /// How long a statement may take.
    pub statement_timeout: Duration,
    /// How long a database may take to tell what there is in it, or whether that has changed.
    pub catalogue_timeout: Duration,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
    /// How many connections all databases together may have open.
    pub max_connections: NonZeroUsize,
}

impl Settings {
    /// The login that may become this role.
    pub(super) fn login(&self, role: Role, database: &DatabaseName) -> Login {
        let purpose = match role {
            Role::Service => LoginPurpose::Service,
            Role::Anon | Role::Authenticated => LoginPurpose::User,
        };
        if *database == self.main_database {
            return if purpose == LoginPurpose::Service { self.main_service.clone() } else { self.main_user.clone() };
        }
        let login = self.logins.of(purpose, database);
        Login { name: login.name, password: Some(login.password.expose().to_owned().into()) }
    }

    /// The role that statements run as.
    pub(super) fn role<'s>(&'s self, role: Role, database: &DatabaseName) -> &'s str {
        match role {
            Role::Service if *database == self.main_database => &self.main_service_role,
            Role::Service => &self.branch_service_role,
            Role::Anon | Role::Authenticated => role.name(),
        }
    }
}
