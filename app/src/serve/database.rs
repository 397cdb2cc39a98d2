//! The PostgreSQL that is served: the embedded one, or the one that `database.url` names.

use super::{ServeError, branch_admin, error::told, files, instance_key::InstanceKey, tools};
use crate::config::Settings;
use embedded::{Cluster, ClusterOptions, FindOptions, Launcher};
use pgtools::Tools;
use postgres::{
    provision::{Login, check_fitness},
    wire::{Host, Target, TlsMode},
};
use secrecy::ExposeSecret;
use sqlx::{
    ConnectOptions, Connection,
    error::DatabaseError,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};

/// Main's database in the embedded cluster.
pub(crate) const EMBEDDED_DATABASE: &str = "fluxbase";

/// The database, running.
pub(super) struct MainDatabase {
    /// Where it is, as its owner.
    pub(super) target: Target,
    /// Who makes databases there for branches, where it is not the owner.
    pub(super) branch_admin: Option<Target>,
    /// What secrets at rest are sealed with.
    pub(super) key: InstanceKey,
    /// `pg_dump` and `pg_restore`, as far as they were found.
    pub(super) tools: Tools,
    /// The embedded cluster.
    pub(super) cluster: Option<Cluster>,
}

impl MainDatabase {
    /// Opens the configured database, or starts the embedded one.
    pub(super) async fn open(settings: &Settings) -> Result<Self, ServeError> {
        match &settings.database.url {
            Some(url) => Self::external(settings, url.expose()).await,
            None => Self::embedded(settings).await,
        }
    }

    async fn external(settings: &Settings, url: &str) -> Result<Self, ServeError> {
        let key = InstanceKey::configured(settings.security.encryption_key.as_ref())?;
        let target: Target = url.parse().map_err(|error| ServeError::Setting(format!("database.url: {error}")))?;
        files::make_data_dir(&settings.embedded.data_dir)
            .map_err(|source| ServeError::File { path: settings.embedded.data_dir.display().to_string(), source })?;
        let major = check(settings, &target).await?;
        let tools = tools::for_server(settings, major).await;
        let branch_admin = branch_admin::find(settings, &target).await?;
        Ok(Self { target, branch_admin, key, tools, cluster: None })
    }

    async fn embedded(settings: &Settings) -> Result<Self, ServeError> {
        let data_dir = settings.embedded.data_dir.clone();
        let embedded = |error: &dyn std::fmt::Display| ServeError::Embedded(error.to_string());
        files::make_data_dir(&data_dir).map_err(|source| ServeError::File { path: data_dir.display().to_string(), source })?;
        let options = FindOptions {
            configured: settings.embedded.binaries.clone(),
            cache_dir: data_dir.join("binaries"),
            allow_fetch: settings.embedded.allow_fetch,
            major: Cluster::major_of(&data_dir).map_err(|error| embedded(&error))?,
        };
        let binaries = tokio::task::spawn_blocking(move || embedded::find_or_install(&options, &mut |line| eprintln!("{line}")))
            .await
            .map_err(|error| embedded(&error))?
            .map_err(|error| embedded(&error))?;
        let tools = tools::of_binaries(&binaries);
        let mut options = ClusterOptions::new(&data_dir, binaries);
        options.launcher = Launcher::ThisProgram;
        let cluster = Cluster::start(options).await.map_err(|error| embedded(&error))?;
        let key = InstanceKey::of_data_dir(settings.security.encryption_key.as_ref(), &data_dir)?;
        let target = target_of(&cluster)?;
        make_database(&target).await?;
        Ok(Self { target, branch_admin: None, key, tools, cluster: Some(cluster) })
    }

    /// Main's database as whoever makes databases reaches it.
    pub(super) fn branch_admin(&self) -> &Target {
        self.branch_admin.as_ref().unwrap_or(&self.target)
    }

    /// For sqlx, as the owner.
    pub(super) fn connect_options(&self) -> PgConnectOptions {
        connect_options(&self.target)
    }
}

/// Whether a database that is not ours can be served, before anything is made in it or fetched for it; the server's major version.
async fn check(settings: &Settings, target: &Target) -> Result<u32, ServeError> {
    let connecting = connect_options(target).connect().await;
    let connection = connecting.map_err(|error| ServeError::Database(format!("cannot connect to database.url: {}", told(&error))))?;
    let number = connection.server_version_num().unwrap_or_default();
    let _ = connection.close().await;
    let pool =
        PgPoolOptions::new().max_connections(1).acquire_timeout(settings.database.acquire_timeout.0).connect_lazy_with(connect_options(target));
    let fits = check_fitness(&pool, &settings.database.schemas).await;
    pool.close().await;
    fits.map_err(ServeError::database)?;
    Ok(number / 10_000)
}

/// Whether the server lets in a login that we made there: what `pg_hba.conf` names one by one has never heard of it.
pub(super) async fn check_let_in(target: &Target, login: &Login) -> Result<(), ServeError> {
    let options = connect_options(target).username(&login.name).password(login.password.expose());
    match options.connect().await {
        Ok(connection) => {
            let _ = connection.close().await;
            Ok(())
        }
        Err(error) if is_shut_out(&error) => Err(ServeError::Database(format!(
            "login '{}', which Fluxbase made for its traffic, cannot connect to database '{}': {}. Let logins in whose names begin like that \
             (pg_hba.conf, alter role); the logins of branches are others",
            login.name,
            target.database,
            told(&error)
        ))),
        // What passes is told by whoever meets it.
        Err(_) => Ok(()),
    }
}

/// SQLSTATE class 28, and 42501 for want of CONNECT.
fn is_shut_out(error: &sqlx::Error) -> bool {
    let sqlstate = error.as_database_error().and_then(DatabaseError::code);
    sqlstate.is_some_and(|sqlstate| sqlstate.starts_with("28") || sqlstate == "42501")
}

fn target_of(cluster: &Cluster) -> Result<Target, ServeError> {
    let url = cluster.superuser_url(EMBEDDED_DATABASE);
    let mut target: Target = url.expose_secret().parse().map_err(ServeError::database)?;
    if let Some(folder) = cluster.socket_dir() {
        target.host = Host::Unix(folder.to_owned(), cluster.port());
    }
    Ok(target)
}

/// Makes main's database in a fresh cluster, and closes those that PostgreSQL makes by itself to all but superusers: logins of branches are to come to their
/// branch alone.
async fn make_database(target: &Target) -> Result<(), ServeError> {
    let mut connection = connect_options(target).database("postgres").connect().await.map_err(ServeError::database)?;
    let there: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(EMBEDDED_DATABASE)
        .fetch_one(&mut connection)
        .await
        .map_err(ServeError::database)?;
    if !there {
        sqlx::query("create database fluxbase").execute(&mut connection).await.map_err(ServeError::database)?;
    }
    let of_postgresql = "do $$ declare name text; begin
        for name in select datname from pg_database where datname in ('postgres', 'template1') loop
            execute format('revoke all on database %I from public', name);
        end loop; end $$";
    sqlx::query(of_postgresql).execute(&mut connection).await.map_err(ServeError::database)?;
    connection.close().await.map_err(ServeError::database)
}

/// The same place and login for sqlx.
pub(super) fn connect_options(target: &Target) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass()
        .username(&target.user)
        .database(&target.database)
        .application_name(ports::driven::CONTROL_PLANE_APPLICATION)
        .disable_statement_logging()
        // Not every pooler in session mode lets it through, and nothing here needs it.
        .extra_float_digits(None)
        .ssl_mode(ssl_mode(target.tls));
    let options = match &target.password {
        Some(password) => options.password(password.expose_secret()),
        None => options,
    };
    let options = match &target.root_certificate {
        Some(path) => options.ssl_root_cert(path),
        None => options,
    };
    match &target.host {
        Host::Tcp(host, port) => options.host(host).port(*port),
        Host::Unix(folder, port) => options.socket(folder).port(*port),
    }
}

pub(super) fn ssl_mode(mode: TlsMode) -> PgSslMode {
    match mode {
        TlsMode::Disable => PgSslMode::Disable,
        TlsMode::Prefer => PgSslMode::Prefer,
        TlsMode::Require => PgSslMode::Require,
        TlsMode::VerifyCa => PgSslMode::VerifyCa,
        TlsMode::VerifyFull => PgSslMode::VerifyFull,
    }
}
