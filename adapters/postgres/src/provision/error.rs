//! Why a database cannot be served.

use super::finding::Finding;
use sqlx::migrate::MigrateError;

/// How many statements a text shows.
const SHOWN: usize = 5;

/// Why a database cannot be served. The texts are for the person who starts the server; none holds a password.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The database did not do it.
    #[error("the database did not answer as it should: {0}")]
    Database(#[from] sqlx::Error),
    /// Something that Fluxbase cannot do without is missing.
    #[error("this database cannot be served: {}", list(.0))]
    Unfit(Vec<Finding>),
    /// The server was started with another key than the one that the secrets here are sealed with.
    #[error(
        "security.encryption_key is not the key that this database was first started with: the secrets in it cannot be read. Start with that key; \
         every replica needs the same one"
    )]
    WrongEncryptionKey,
    /// A role of ours exists and is not what it should be.
    #[error("role '{role}' exists and {reason}; Fluxbase does not use it as it is. {way_round}")]
    UnfitRole {
        /// The role.
        role: String,
        /// What is wrong with it.
        reason: &'static str,
        /// What to do.
        way_round: String,
    },
    /// A login could do more than the traffic over it is meant to.
    #[error("login '{login}' {reason}: traffic over it would not be held by row level security. {way_round}")]
    UnsafeLogin {
        /// The login.
        login: String,
        /// What it can do.
        reason: String,
        /// What to do.
        way_round: String,
    },
    /// The admin may not do it.
    #[error("login '{admin}' may not {what}. A superuser can: {way_round}")]
    NotAllowed {
        /// The admin login.
        admin: String,
        /// What it tried.
        what: String,
        /// The statement that makes it unnecessary, or allowed.
        way_round: String,
    },
    /// A schema called auth that is neither ours nor one that policies, and whoever looks for users, can ask.
    #[error(
        "schema 'auth' exists, is not Fluxbase's and has not both a function auth.uid() that returns uuid and a table auth.users with id (uuid), email \
         and created_at. Rename it (alter schema auth rename to ..), or give it what is missing"
    )]
    UnknownAuthSchema,
    /// The `auth` schema is ours but the ledger that should say so does not.
    #[error("schema 'auth' is Fluxbase's, but its ledger fluxbase_migrations.data does not know of it: the database was copied without that schema")]
    LedgerLost,
    /// Objects that somebody had changed in a transaction that has not ended could not be granted to `service_role` meanwhile.
    #[error(
        "service_role has not got its rights on {} that somebody holds in a transaction of their own: {}{}. They follow when that ends; one that nobody \
         ends is found in pg_stat_activity (idle in transaction) or pg_prepared_xacts",
        counted(.0), .0.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; "), if .0.len() > SHOWN { "; .." } else { "" }
    )]
    GrantsHeld(Vec<String>),
    /// Branches were made under another prefix.
    #[error(
        "branching.database_prefix = '{prefix}': the databases of branches are called otherwise ({databases}). Start with the prefix that they were \
         made under; to change it, delete the branches first"
    )]
    BranchesElsewhere {
        /// The prefix that was asked for.
        prefix: String,
        /// The databases.
        databases: String,
    },
    /// The schemas that every branch's database has could not be brought up to date.
    #[error("Fluxbase's own schemas could not be brought up to date: {0}")]
    Migration(#[source] MigrateError),
}

impl ProvisionError {
    /// Whether another start was doing the same at the same time, so that doing it again will succeed.
    pub(super) fn is_lost_race(&self) -> bool {
        let Self::Database(sqlx::Error::Database(refusal)) = self else { return false };
        match refusal.code().as_deref() {
            // duplicate_object, unique_violation on pg_authid, deadlock_detected, undefined_object
            Some("42710" | "23505" | "40P01" | "42704") => true,
            Some("XX000") => refusal.message().starts_with("tuple concurrently"),
            _ => false,
        }
    }
}

/// Whether the database refused for want of a right.
pub(super) fn is_denied(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|refusal| refusal.code().as_deref() == Some("42501"))
}

fn counted(statements: &[String]) -> String {
    if statements.len() == 1 { "one object".to_owned() } else { format!("{} objects", statements.len()) }
}

fn list(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
