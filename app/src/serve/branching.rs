//! Branches wired: what their use cases and their operations ask of the adapters.

use super::{
    LEASE,
    database::{MainDatabase, connect_options, ssl_mode},
    wiring::House,
};
use crate::config::Settings;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::branch::{DatabaseName, ExpiresIn, Quota};
use pgtools::{Entrance, PgBranchBuilder, PgBranchLogins, PgSchemas, PgWatch};
use ports::driven::{Clock, ControlPlane, DatabaseLogins, Failpoints, Ids, LoginRestorer, NoFailpoints, SecretBox};
use postgres::{
    control::{PgBranchProbe, PgBranchUses},
    data::PgBranchDatabases,
    migrations::{MigrationFolder, MigrationLimits, MigrationSettings, PgMigrationRunner, PgSeedRunner, Seat},
    provision::{AuthSchema, MainSeat, Provisioned},
    wire::{Host, Target},
};
use secrecy::ExposeSecret;
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::{net::Ipv4Addr, num::NonZeroU16, sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinSet};
use usecases::{
    acquaintances::Acquaintances,
    branches::{BranchDefaults, BranchPorts, ExpireBranches},
    operations::{OperationPorts, OperationRunner, OperationSettings, Upkeep},
    retire::RetireDatabases,
    routing::DatabaseNames,
};

/// How long requests that began before a switch may go on here after the longest statement has ended, and how much longer the database stays open.
const GRACE: Duration = Duration::from_secs(1);

/// How long a statement that changes definitions may wait for a clone of main. Everybody who comes after it waits too.
const GIVE_WAY_AFTER: Duration = Duration::from_secs(5);

/// What works on branches.
pub(super) struct Branching {
    pub(super) ports: BranchPorts,
    builder: Arc<PgBranchBuilder>,
    schemas: Arc<PgSchemas>,
    /// The operations' own: they do not stand in line with those who look.
    migrations: Arc<PgMigrationRunner>,
    watched: pgtools::Settings,
}

/// What of the house branches are built over.
pub(super) struct Ground<'a> {
    pub(super) settings: &'a Settings,
    pub(super) database: &'a MainDatabase,
    pub(super) control_pool: &'a PgPool,
    pub(super) control_plane: &'a Arc<dyn ControlPlane>,
    pub(super) ids: &'a Arc<dyn Ids>,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) secrets: Arc<dyn SecretBox>,
    pub(super) databases: &'a Arc<PgBranchDatabases>,
    pub(super) logins: &'a Arc<dyn DatabaseLogins>,
    pub(super) restorer: &'a Arc<dyn LoginRestorer>,
    pub(super) provisioned: &'a Provisioned,
    /// Who may migrate main; else why nobody may.
    pub(super) main_seat: Result<MainSeat, String>,
    pub(super) names: &'a DatabaseNames,
}

impl Branching {
    pub(super) fn over(ground: Ground<'_>) -> Self {
        let Ground { settings, database, control_pool, provisioned, .. } = ground;
        let tools = || builder_settings(settings, database, provisioned, ground.logins.clone());
        let schemas = Arc::new(PgSchemas::new(tools(), own_schemas(provisioned.auth)));
        let target = &database.target;
        let migrations = MigrationSettings {
            server: target.clone(),
            logins: ground.logins.clone(),
            restorer: ground.restorer.clone(),
            main: ground.main_seat.map(|seat| Seat::on_main(seat, target)),
            limits: MigrationLimits::default(),
            seeds_dir: settings.branching.seeds_dir.clone(),
        };
        let builder = Arc::new(PgBranchBuilder::new(tools()));
        let for_operations = Arc::new(PgMigrationRunner::new(migrations.clone()));
        let ports = BranchPorts {
            control_plane: ground.control_plane.clone(),
            ids: ground.ids.clone(),
            clock: ground.clock.clone(),
            names: ground.names.clone(),
            probe: Arc::new(PgBranchProbe::new(
                probing_pool(database, control_pool),
                PgBranchUses::new(control_pool.clone(), ground.databases.clone()),
            )),
            logins: Arc::new(PgBranchLogins::new(tools(), ground.secrets, entrance(settings, target))),
            acquaintances: Arc::new(Acquaintances::new(builder.clone(), ground.names.clone())),
            migrations: Arc::new(PgMigrationRunner::new(migrations.clone())),
            migration_files: Arc::new(MigrationFolder::new(&settings.migrations.dir)),
            seeds: Arc::new(PgSeedRunner::new(migrations)),
            schemas: schemas.clone(),
        };
        Self { ports, builder, schemas, migrations: for_operations, watched: tools() }
    }
}

/// Sizes are told to the owner of a database.
fn probing_pool(database: &MainDatabase, control_pool: &PgPool) -> PgPool {
    let options = PgPoolOptions::new().max_connections(2).min_connections(0);
    database.branch_admin.as_ref().map_or_else(|| control_pool.clone(), |admin| options.connect_lazy_with(connect_options(admin)))
}

/// Where people's own tools reach the server, unless the settings say otherwise: the embedded one listens on this machine, and its socket is its owner's.
fn entrance(settings: &Settings, target: &Target) -> Entrance {
    let embedded = settings.database.url.is_none();
    let (host, port) = match &target.host {
        Host::Unix(_, port) if embedded => (Ipv4Addr::LOCALHOST.to_string(), *port),
        Host::Unix(folder, port) => (folder.display().to_string(), *port),
        Host::Tcp(host, port) => (host.clone(), *port),
    };
    let section = &settings.branching;
    Entrance {
        host: section.connection_host.clone().unwrap_or(host),
        port: section.connection_port.map_or(port, NonZeroU16::get),
        sessions: section.connection_limit.get(),
    }
}

/// Schemas, beside the control plane's, that our own migrations fill.
fn own_schemas(auth: AuthSchema) -> Vec<String> {
    match auth {
        AuthSchema::Ours => vec!["auth".to_owned()],
        AuthSchema::Foreign => Vec::new(),
    }
}

pub(super) fn builder_settings(
    settings: &Settings,
    database: &MainDatabase,
    provisioned: &Provisioned,
    logins: Arc<dyn DatabaseLogins>,
) -> pgtools::Settings {
    let target = &database.target;
    let (place, port) = match &target.host {
        Host::Tcp(host, port) => (pgtools::Place::Host(host.clone()), *port),
        Host::Unix(folder, port) => (pgtools::Place::SocketFolder(folder.clone()), *port),
    };
    pgtools::Settings {
        tools: database.tools.clone(),
        server: pgtools::Server { place, port, tls: ssl_mode(target.tls), root_certificate: target.root_certificate.clone() },
        admin: pgtools::Login {
            user: database.branch_admin().user.clone(),
            password: database.branch_admin().password.as_ref().map(|password| password.expose_secret().to_owned()).unwrap_or_default().into(),
        },
        logins,
        metadata_database: DatabaseName::existing(&target.database),
        instance: provisioned.instance,
        database_prefix: settings.branching.database_prefix.clone(),
        give_way_after: GIVE_WAY_AFTER,
        stock: stock_settings(settings),
        clone_rate: settings.branching.clone_rate,
        login_sessions: login_sessions(settings),
        excluded_tables: settings.branching.excluded_tables().expect("the configuration was checked"),
        masking: pgtools::MaskingSettings {
            rules: settings.branching.privacy_rules().expect("the configuration was checked"),
            key: URL_SAFE_NO_PAD.encode(database.key.derive("fluxbase masks")).into(),
        },
    }
}

/// Pools never have more than all connections there are, and those that were closed a moment ago are gone soon.
///
/// Over the builder each worker copies by some streams beside a dump, or migrates by three connections; whoever asks for schemas and ledgers waits for one of a
/// few, and whoever comes to know of a branch is written into it.
fn login_sessions(settings: &Settings) -> pgtools::LoginSessions {
    const BY_WORKER: u32 = 7;
    const BESIDE_WORKERS: u32 = 40;
    let pool = settings.database.max_connections.get();
    pgtools::LoginSessions {
        traffic: pool.saturating_add(pool / 2).saturating_add(4),
        builder: BESIDE_WORKERS + BY_WORKER * settings.branching.workers.get(),
        // The embedded server has one replica.
        newcomers: u32::from(settings.database.url.is_some()),
    }
}

fn stock_settings(settings: &Settings) -> pgtools::StockSettings {
    let section = &settings.branching;
    pgtools::StockSettings {
        max_templates: section.max_templates,
        max_bytes: section.max_template_bytes,
        spares: section.spares,
        max_idle: section.spare_max_age.0,
        disk_budget: section.disk_budget,
        // The embedded server's files are here, often on a disk of their own; where another's are is not ours to see.
        data_directory: settings.database.url.is_none().then(|| embedded::pgdata(&settings.embedded.data_dir)),
    }
}

pub(super) fn branch_defaults(settings: &Settings) -> BranchDefaults {
    let section = &settings.branching;
    BranchDefaults {
        clone_mode: section.default_data_clone_mode,
        auto_delete_after: ExpiresIn::from_seconds(section.auto_delete_after.0.as_secs()),
        quota: Quota { max_branches_per_user: section.max_branches_per_user, max_total_branches: section.max_total_branches },
    }
}

impl House {
    /// Starts what works on branches by itself.
    pub(super) fn start_branch_workers(&self, settings: &Settings, workers: &mut JoinSet<()>) {
        let Branching { ports, builder, schemas, migrations, watched } = &self.branching;
        // Statements end by then; whoever still has a connection has no request on it.
        let ends = settings.database.statement_timeout.0 + GRACE;
        let restock = Arc::new(Notify::new());
        let operation_ports = OperationPorts {
            control_plane: ports.control_plane.clone(),
            builder: builder.clone(),
            trials: builder.clone(),
            logins: ports.logins.clone(),
            open: self.databases.clone(),
            probe: ports.probe.clone(),
            migrations: migrations.clone(),
            migration_files: ports.migration_files.clone(),
            seeds: ports.seeds.clone(),
            schemas: ports.schemas.clone(),
            prover: schemas.clone(),
            signals: self.signals.clone(),
            clock: ports.clock.clone(),
            ids: ports.ids.clone(),
            failpoints: failpoints(),
        };
        let operation_settings = OperationSettings {
            names: ports.names.clone(),
            lease: LEASE,
            attempts: 5,
            reset_undo: settings.branching.reset_undo.0,
            grace: ends + GRACE,
            idle: Duration::from_secs(2),
            peoples_time: Some(settings.branching.operation_timeout.0).filter(|time| !time.is_zero()),
        };
        let runner = Arc::new(OperationRunner::new(operation_ports, operation_settings, restock));
        let at_once = settings.branching.workers.get();
        for _ in 0..at_once {
            let runner = runner.clone();
            workers.spawn(async move { runner.work().await });
        }
        let standing_by = runner.clone();
        workers.spawn(async move { standing_by.stand_by(at_once as usize).await });
        let expire = ExpireBranches::new(ports.control_plane.clone(), ports.ids.clone(), ports.clock.clone());
        let upkeep = Arc::new(Upkeep::new(runner, expire, builder.clone()));
        let stock = upkeep.clone();
        workers.spawn(async move { upkeep.work().await });
        workers.spawn(async move { stock.keep_stock().await });
        let retire = RetireDatabases::new(self.branches.clone(), self.databases.clone(), ports.names.clone(), ends);
        workers.spawn(async move { retire.work().await });
        workers.spawn(PgWatch::new(watched.clone()).keep());
    }
}

#[cfg(debug_assertions)]
fn failpoints() -> Arc<dyn Failpoints> {
    match super::failpoints::AbortAt::from_environment() {
        Some(abort) => Arc::new(abort),
        None => Arc::new(NoFailpoints),
    }
}

#[cfg(not(debug_assertions))]
fn failpoints() -> Arc<dyn Failpoints> {
    Arc::new(NoFailpoints)
}

#[cfg(test)]
mod tests {
    use super::{branch_defaults, entrance, login_sessions, own_schemas};
    use crate::config::Settings;
    use domain::DataCloneMode;
    use postgres::{
        provision::AuthSchema,
        wire::{Host, Target},
    };
    use std::{
        num::{NonZeroU16, NonZeroU32},
        time::Duration,
    };

    #[test]
    fn new_branches_are_what_the_settings_say() {
        let mut settings = Settings::default();
        for mode in DataCloneMode::ALL {
            settings.branching.default_data_clone_mode = mode;
            assert_eq!(branch_defaults(&settings).clone_mode, mode);
        }
        for (seconds, lifetime) in [(0, None), (1, Some(1)), (604_800, Some(604_800))] {
            settings.branching.auto_delete_after.0 = Duration::from_secs(seconds);
            let told = branch_defaults(&settings).auto_delete_after.map(|lifetime| lifetime.duration().whole_seconds());
            assert_eq!(told, lifetime);
        }
        (settings.branching.max_branches_per_user, settings.branching.max_total_branches) = (3, 4);
        let quota = branch_defaults(&settings).quota;
        assert_eq!((quota.max_branches_per_user, quota.max_total_branches), (3, 4));
    }

    #[test]
    fn logins_of_branches_may_have_as_many_sessions_as_pools_and_workers_take() {
        let mut settings = Settings::default();
        settings.database.max_connections = NonZeroU32::new(10).unwrap();
        let sessions = login_sessions(&settings);
        assert_eq!((sessions.traffic, sessions.newcomers), (19, 0));
        let before = sessions.builder;
        settings.branching.workers = settings.branching.workers.checked_add(1).unwrap();
        assert!(login_sessions(&settings).builder > before + 4, "a copy's streams, and its dump");
        settings.database.url = Some(crate::config::Secret::new("postgres://x@db/x"));
        assert_eq!(login_sessions(&settings).newcomers, 1, "a replica that comes is served at once");
    }

    #[test]
    fn people_are_sent_where_the_settings_say_and_else_where_the_server_listens() {
        let over_tcp: Target = "postgres://x@db.internal:5433/x".parse().unwrap();
        let over_a_socket = Target { host: Host::Unix("/run/postgresql".into(), 5434), ..over_tcp.clone() };
        let mut settings = Settings::default();
        let told = |settings: &Settings, target: &Target| {
            let entrance = entrance(settings, target);
            (entrance.host, entrance.port, entrance.sessions)
        };
        assert_eq!(told(&settings, &over_tcp), ("db.internal".to_owned(), 5433, 20));
        assert_eq!(told(&settings, &over_a_socket), ("127.0.0.1".to_owned(), 5434, 20), "the embedded one's socket is its owner's");
        settings.branching.connection_host = Some("db.example.com".to_owned());
        settings.branching.connection_limit = NonZeroU32::new(3).unwrap();
        assert_eq!(told(&settings, &over_tcp), ("db.example.com".to_owned(), 5433, 3));
        settings.branching.connection_port = NonZeroU16::new(6543);
        assert_eq!(told(&settings, &over_a_socket), ("db.example.com".to_owned(), 6543, 3));
    }

    #[test]
    fn what_our_migrations_do_not_fill_is_peoples_own() {
        assert_eq!(own_schemas(AuthSchema::Ours), ["auth"]);
        assert!(own_schemas(AuthSchema::Foreign).is_empty(), "a schema storage is the project's");
    }
}
