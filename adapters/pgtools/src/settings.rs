//! What the builder has to know: where the server is, whom it connects as, and whose databases it makes.

use crate::{error::refused, masking::MaskingSettings, tools::Tools};
use domain::{branch::DatabaseName, table::QualifiedName};
use ports::driven::{BuildError, DatabaseLogins, DatabaseTag, LoginPurpose};
use secrecy::SecretString;
use sqlx::postgres::PgSslMode;
use std::{path::PathBuf, sync::Arc, time::Duration};
use uuid::Uuid;

/// The schema whose rows come along whatever the clone mode: which of our own migrations a database has seen.
pub(crate) const LEDGER_SCHEMA: &str = "fluxbase_migrations";

/// The table in it that is about rows: which seed files ran.
pub(crate) const SEED_LOG: &str = "seeds";

/// Whom to connect as.
#[derive(Clone, Debug)]
pub struct Login {
    /// The role.
    pub user: String,
    /// Its password.
    pub password: SecretString,
}

/// Where a server listens.
#[derive(Clone, Debug)]
pub enum Place {
    /// A host name or address.
    Host(String),
    /// The folder that holds its Unix socket.
    SocketFolder(PathBuf),
}

/// A PostgreSQL server, and how to reach it.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it listens.
    pub place: Place,
    /// Its port, which is in the socket's name too.
    pub port: u16,
    /// Whether to encrypt, and what to check.
    pub tls: PgSslMode,
    /// The certificates to trust, where not the system's.
    pub root_certificate: Option<PathBuf>,
}

/// What [`crate::PgBranchBuilder`] works with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `pg_dump` and `pg_restore`, of the server's own major version.
    pub tools: Tools,
    /// The server that holds main and every branch.
    pub server: Server,
    /// Owner of main's objects and of every branch database; may create databases.
    pub admin: Login,
    /// The logins of branch databases: everything inside one is done over its own.
    pub logins: Arc<dyn DatabaseLogins>,
    /// Where databases are created, dropped and locked from.
    pub metadata_database: DatabaseName,
    /// This instance: several may share a server.
    pub instance: Uuid,
    /// What the names of branch databases begin with.
    pub database_prefix: String,
    /// Tables whose rows never reach a branch, beside those of signing in.
    pub excluded_tables: Vec<QualifiedName>,
    /// What stands in the place of personal values.
    pub masking: MaskingSettings,
    /// How long a statement of the parent's users may wait for a copy before the copy gives way to it: whoever comes after the statement waits too.
    pub give_way_after: Duration,
    /// Templates, spares, and how much room branches may take.
    pub stock: StockSettings,
    /// Bytes a second that copies read from one parent at most; 0 is as fast as it goes.
    pub clone_rate: u64,
    /// How many sessions the logins of one database may have.
    pub login_sessions: LoginSessions,
}

/// How many sessions the logins of one branch's database may have: as many as ever come of our own work, and no more. Whoever has come to the password of one
/// takes no others' place on the server by it.
#[derive(Clone, Copy, Debug)]
pub struct LoginSessions {
    /// Of one replica by the login of user traffic; by that of service traffic as many.
    pub traffic: u32,
    /// Of one replica by the builder.
    pub builder: u32,
    /// Replicas that may come before the logins are put right the next time.
    pub newcomers: u32,
}

impl LoginSessions {
    /// Of a login of this purpose, with so many replicas at work.
    pub(crate) fn of(self, purpose: LoginPurpose, replicas: u32) -> u32 {
        let of_one = match purpose {
            LoginPurpose::User | LoginPurpose::Service => self.traffic,
            LoginPurpose::Builder => self.builder,
        };
        // PostgreSQL takes no more than this.
        of_one.saturating_mul(replicas.max(1).saturating_add(self.newcomers)).min(i32::MAX.unsigned_abs())
    }
}

/// What is kept ready for branches to come, and how much of it.
#[derive(Clone, Debug)]
pub struct StockSettings {
    /// Templates at most; with 0 nothing is kept.
    pub max_templates: u32,
    /// Bytes of templates and spares at most.
    pub max_bytes: u64,
    /// Spares of each template.
    pub spares: u32,
    /// When a template that nobody uses goes; rows older than this are never kept.
    pub max_idle: Duration,
    /// Bytes that the databases of branches and the stock may take in all; 0 is no limit.
    pub disk_budget: u64,
    /// PostgreSQL's data directory, where it is on this machine: its disk is looked at before a copy is made.
    pub data_directory: Option<PathBuf>,
}

impl Default for StockSettings {
    fn default() -> Self {
        Self {
            max_templates: 5,
            max_bytes: 10 * 1024 * 1024 * 1024,
            spares: 2,
            max_idle: Duration::from_hours(24),
            disk_budget: 0,
            data_directory: None,
        }
    }
}

impl Settings {
    /// Refuses a name that no branch database has, before anything is done to it.
    pub(crate) fn check_name(&self, target: &DatabaseTag) -> Result<(), BuildError> {
        let name = target.database.as_str();
        let fits = name.len() > self.database_prefix.len() && name.starts_with(&self.database_prefix) && name.len() <= DatabaseName::MAX_LEN;
        if fits && target.database != self.metadata_database {
            return Ok(());
        }
        Err(refused("not_a_branch_database", format!("'{name}' is not the name of a branch database: those begin with '{}'", self.database_prefix)))
    }

    /// The login that reads a parent: main's owner for main, the owner of branch objects for a branch.
    pub(crate) fn reader(&self, parent: &DatabaseName, is_main: bool) -> Login {
        if is_main { self.admin.clone() } else { self.login(LoginPurpose::Builder, parent) }
    }
}
