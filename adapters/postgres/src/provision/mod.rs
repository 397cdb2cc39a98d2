//! What a database needs before Fluxbase can serve it: roles, logins, grants, the `auth` schema, a signal for changes of the catalogue.
//!
//! Everything here works over the admin login, on main's database, and changes only what differs: a second run, or two at once, do no harm.
//!
//! `anon` and `authenticated` get no right on anybody's tables, neither here nor by default privileges for tables to come. On Supabase they get all of
//! them and row level security has to take them back; here a table is seen by whom its owner granted it to.

mod access;
mod admin_path;
mod auth_schema;
mod capabilities;
mod catalogue_signal;
mod change_token;
mod data_migrations;
mod database_prefix;
mod demo;
mod error;
mod finding;
mod grants;
mod guard;
mod instance;
mod logins;
mod main_seat;
mod memberships;
mod pooler;
mod probe;
mod role_settings;
mod roles;
mod service_access;
mod sql;

pub use auth_schema::AuthSchema;
pub use capabilities::Capabilities;
pub use catalogue_signal::CatalogueSignal;
pub use change_token::grant_upon_change;
pub use data_migrations::migrate_data;
pub(crate) use data_migrations::migrate_over as migrate_data_over;
pub use database_prefix::check_database_prefix;
pub use demo::{DemoData, load as load_demo};
pub use error::ProvisionError;
pub use finding::{Finding, Severity};
pub use grants::refresh_service_grants;
pub use instance::check_encryption_key;
pub use logins::{Login, Logins};
pub use main_seat::{MainSeat, main_seat};
pub use probe::probe;
pub use roles::{ANON, AUTHENTICATED, BRANCH_OWNER, SERVICE_ROLE};
pub use service_access::{ServiceAccess, ServiceSeat};
pub(crate) use sql::{ident, literal};

use ports::driven::SecretBox;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// What is to be served.
#[derive(Clone, Debug)]
pub struct ProvisionOptions {
    /// `database.schemas`: what is exposed.
    pub schemas: Vec<String>,
    /// Whether the database is our own, the embedded one: then `anon` and `authenticated` may look into the exposed schemas. In anybody else's, that is
    /// its owner's to grant.
    pub ours: bool,
}

/// A database that can be served, and how.
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// Which instance it belongs to.
    pub instance: Uuid,
    /// The logins for user traffic and service traffic on main, and the images of those of branch databases.
    pub logins: Logins,
    /// Whom service traffic connects as and becomes.
    pub service: ServiceAccess,
    /// Whose `auth` schema it is.
    pub auth: AuthSchema,
    /// How changes of the catalogue are heard of.
    pub signal: CatalogueSignal,
    /// What the server and the admin can do.
    pub capabilities: Capabilities,
}

/// What was settled in one transaction.
struct Settled {
    instance: Uuid,
    logins: Logins,
    service: ServiceAccess,
    signal: CatalogueSignal,
}

/// How often a start gives way to another one on the same server, which is making the same roles from another database.
const ATTEMPTS: u32 = 8;

/// Says why a database cannot be served, before anything is made in it. One that can be may turn out to lack what only trying shows.
pub async fn check_fitness(pool: &PgPool, schemas: &[String]) -> Result<(), ProvisionError> {
    probe(pool, schemas).await?.refuse_if_unfit()
}

/// Prepares a database whose control plane schemas are there (`control::migrate`), or says why it cannot be served.
pub async fn provision(pool: &PgPool, secrets: &dyn SecretBox, options: &ProvisionOptions) -> Result<Provisioned, ProvisionError> {
    let capabilities = probe(pool, &options.schemas).await?;
    capabilities.refuse_if_unfit()?;
    let settled = settle_in_turn(pool, secrets, options, &capabilities).await?;
    let auth = migrate_data(pool).await?;
    match refresh_service_grants(pool, &options.schemas).await {
        // Whoever looks after the grants from now on comes round to them.
        Err(error @ ProvisionError::GrantsHeld(_)) => tracing::warn!(%error, "served all the same"),
        outcome => outcome?,
    }
    let Settled { instance, logins, service, signal } = settled;
    Ok(Provisioned { instance, logins, service, auth, signal, capabilities })
}

/// Roles belong to the whole server, advisory locks to one database: who loses a race against another database's start begins again.
async fn settle_in_turn(
    pool: &PgPool,
    secrets: &dyn SecretBox,
    options: &ProvisionOptions,
    capabilities: &Capabilities,
) -> Result<Settled, ProvisionError> {
    let mut attempt = 1;
    loop {
        match settle(pool, secrets, options, capabilities).await {
            Err(error) if error.is_lost_race() && attempt < ATTEMPTS => attempt += 1,
            outcome => return outcome,
        }
    }
}

async fn settle(pool: &PgPool, secrets: &dyn SecretBox, options: &ProvisionOptions, capabilities: &Capabilities) -> Result<Settled, ProvisionError> {
    let mut transaction = pool.begin().await?;
    take_turns(&mut transaction).await?;
    let instance = instance::claim(&mut transaction, &secrets.fingerprint()).await?;
    let service_role_bypasses = roles::ensure(&mut transaction, capabilities).await?;
    let logins = logins::ensure(&mut transaction, capabilities, instance, secrets).await?;
    memberships::ensure_ours(&mut transaction, capabilities, &logins).await?;
    let service = service_access::ensure(&mut transaction, capabilities, service_role_bypasses, &logins, &options.schemas).await?;
    role_settings::ensure(&mut transaction, &logins, &options.schemas).await?;
    admin_path::ensure(&mut transaction).await?;
    access::ensure(&mut transaction, capabilities, &logins, options).await?;
    guard::check(&mut transaction, &logins).await?;
    let signal = catalogue_signal::ensure(&mut transaction, capabilities).await?;
    transaction.commit().await?;
    Ok(Settled { instance, logins, service, signal })
}

/// One start of this database at a time, whatever the database's defaults for transactions are.
async fn take_turns(connection: &mut PgConnection) -> Result<(), ProvisionError> {
    sqlx::raw_sql(
        "set transaction isolation level read committed, read write;
         set local search_path = pg_catalog;
         select pg_advisory_xact_lock(hashtextextended('fluxbase provision', 0))",
    )
    .execute(connection)
    .await?;
    Ok(())
}
