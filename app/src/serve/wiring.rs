//! The composition root: every adapter made, every use case guarded.

use super::{
    ServeError,
    branching::{Branching, Ground, branch_defaults, builder_settings},
    catalogue_changes,
    database::{MainDatabase, check_let_in},
    error::told,
    instance_key::InstanceKey,
};
use crate::{
    config::Settings,
    system::{RandomIds, SystemClock},
};
use auth::{Argon2Passwords, DerivedDatabaseLogins, JwtTokens, RandomRefreshTokens, Sha256KeyMint, TokenSettings, XChaChaSecretBox};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::branch::DatabaseName;
use pgtools::PgLoginRestorer;
use ports::{
    driven::{Clock, ControlPlane, DatabaseLogins, Ids, LoginRestorer, Secret},
    driving::{
        Authenticator, BaselineMigrations, CancelOperation, CreateApiKey, CreateBranch, CreateServiceKey, CreateUser, DeleteBranch, DeleteRecord,
        DescribeTable, DiffBranches, FollowOperation, GetBranch, GetConnection, GetCurrentUser, GetOperation, GrantBranchAccess, InsertRecord,
        IssueConnection, ListApiKeys, ListAudit, ListBranchAccess, ListBranchActivity, ListBranches, ListMigrations, ListServiceKeys, ListTables,
        ListUsers, MigrateBranch, PromoteUser, ProveDiff, QueryTable, RefreshSession, RepairMigration, ResetBranch, RevokeApiKey, RevokeBranchAccess,
        RevokeServiceKey, SeedBranch, SignIn, SignOut, SignUp, UndoReset, UnreadRequests, UpdateBranch, UpdateRecord, UseCase,
    },
};
use postgres::{
    control::{
        ChangeListener, PgAuditLog, PgBranchDirectory, PgBranchUses, PgControlPlane, PgKeyDirectory, PgOperationSignals, PgRateLimiter,
        PgSessionDirectory, Presence, ensure_main, migrate,
    },
    data::{self, PgBranchDatabases},
    provision::{
        CatalogueSignal, MainSeat, ProvisionOptions, Provisioned, ServiceSeat, check_database_prefix, check_encryption_key, load_demo, main_seat,
        provision,
    },
    wire::Target,
};
use sqlx::{Executor, PgPool, postgres::PgPoolOptions};
use std::{num::NonZeroUsize, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::timeout};
use usecases::{
    authenticate::Authenticate,
    branches::{
        BranchAccessUseCase, BranchPorts, BranchingDisabled, CancelOperationUseCase, ConnectionUseCase, CreateBranchUseCase, DeleteBranchUseCase,
        DiffBranchesUseCase, FollowOperationUseCase, GetBranchUseCase, GetOperationUseCase, LedgerUseCase, ListBranchActivityUseCase,
        ListBranchesUseCase, ListMigrationsUseCase, MigrateBranchUseCase, ResetBranchUseCase, SeedBranchUseCase, UndoResetUseCase,
        UpdateBranchUseCase,
    },
    guard::{Guards, RateLimits},
    keys::{CreateApiKeyUseCase, CreateServiceKeyUseCase, ListKeysUseCase, RevokeKeyUseCase},
    list_audit::ListAuditUseCase,
    routing::{BranchResolver, DatabaseNames},
    sessions::{GetCurrentUserUseCase, RefreshSessionUseCase, SessionPorts, SessionSettings, SignInUseCase, SignOutUseCase, SignUpUseCase},
    tables::{DeleteRecordUseCase, DescribeTableUseCase, InsertRecordUseCase, ListTablesUseCase, QueryTableUseCase, UpdateRecordUseCase},
    users::{CreateUserUseCase, ListUsersUseCase, PromoteUserUseCase},
};

/// What holds in the control plane's sessions, whatever the database's defaults or the login's are: what lies in other people's schemas is not taken for
/// PostgreSQL's own, transactions write and see what was committed meanwhile, and who listens is not shut out for it. What this process holds while it is
/// frozen (a stopped virtual machine), PostgreSQL takes from it before its leases end: a claimed operation's row, the turn to admit branches. A unit of work that
/// waits for others says so, and is given longer.
const SESSION: &str = "set search_path = pg_catalog; set default_transaction_read_only = off; set default_transaction_isolation = 'read committed';
     set default_transaction_deferrable = off; set idle_session_timeout = 0;
     set idle_in_transaction_session_timeout = '10s'";

/// Connections of the control plane: four are kept by listeners, the audit writer and the workers. One more, beside these, shows that we live.
const CONTROL_CONNECTIONS: u32 = 16;

/// How long a database may take to tell its definitions: some thousands of tables on a busy server take seconds.
const CATALOGUE_PATIENCE: Duration = Duration::from_secs(30);

/// How long connections may take to be closed.
const PARTING: Duration = Duration::from_secs(2);

macro_rules! use_cases {
    ($($field:ident: $command:ident,)*) => {
        /// Every use case, guarded.
        pub(super) struct UseCases {
            pub(super) unread: Arc<dyn UnreadRequests>,
            /// What a call that began an operation, and waits for it, looks at it by.
            pub(super) follow_started: Arc<dyn UseCase<FollowOperation>>,
            /// The same for the operation's branch.
            pub(super) branch_of_started: Arc<dyn UseCase<GetBranch>>,
            $(pub(super) $field: Arc<dyn UseCase<$command>>,)*
        }

        impl House {
            pub(super) fn rest_ports(&self, readiness: Arc<dyn http_api::Readiness>) -> http_api::RestPorts {
                http_api::RestPorts {
                    authenticator: self.authenticator.clone(),
                    readiness,
                    cursors: self.cursors(),
                    unread: self.use_cases.unread.clone(),
                    $($field: self.use_cases.$field.clone(),)*
                }
            }
        }
    };
}

use_cases! {
    query_table: QueryTable,
    insert_record: InsertRecord,
    update_record: UpdateRecord,
    delete_record: DeleteRecord,
    list_tables: ListTables,
    describe_table: DescribeTable,
    sign_up: SignUp,
    sign_in: SignIn,
    refresh_session: RefreshSession,
    sign_out: SignOut,
    get_current_user: GetCurrentUser,
    create_api_key: CreateApiKey,
    list_api_keys: ListApiKeys,
    revoke_api_key: RevokeApiKey,
    create_service_key: CreateServiceKey,
    list_service_keys: ListServiceKeys,
    revoke_service_key: RevokeServiceKey,
    create_user: CreateUser,
    promote_user: PromoteUser,
    list_users: ListUsers,
    list_audit: ListAudit,
    create_branch: CreateBranch,
    list_branches: ListBranches,
    get_branch: GetBranch,
    update_branch: UpdateBranch,
    delete_branch: DeleteBranch,
    reset_branch: ResetBranch,
    undo_reset: UndoReset,
    seed_branch: SeedBranch,
    migrate_branch: MigrateBranch,
    diff_branches: DiffBranches,
    prove_diff: ProveDiff,
    list_branch_access: ListBranchAccess,
    grant_branch_access: GrantBranchAccess,
    revoke_branch_access: RevokeBranchAccess,
    issue_connection: IssueConnection,
    get_connection: GetConnection,
    list_branch_activity: ListBranchActivity,
    list_migrations: ListMigrations,
    repair_migration: RepairMigration,
    baseline_migrations: BaselineMigrations,
    get_operation: GetOperation,
    follow_operation: FollowOperation,
    cancel_operation: CancelOperation,
}

/// Everything that serves.
pub(super) struct House {
    pub(super) key: InstanceKey,
    pub(super) control_pool: PgPool,
    pub(super) ids: Arc<dyn Ids>,
    pub(super) mint: Arc<Sha256KeyMint>,
    pub(super) keys: Arc<PgKeyDirectory>,
    pub(super) authenticator: Arc<dyn Authenticator>,
    pub(super) use_cases: UseCases,
    pub(super) branching: Branching,
    pub(super) branches: Arc<PgBranchDirectory>,
    pub(super) signals: Arc<PgOperationSignals>,
    pub(super) databases: Arc<PgBranchDatabases>,
    pub(super) audit: Arc<PgAuditLog>,
    catalogue_signal: CatalogueSignal,
    _listener: ChangeListener,
}

impl House {
    /// Prepares the database and makes every part.
    pub(super) async fn build(settings: &Settings, database: &MainDatabase, ours: bool) -> Result<Self, ServeError> {
        let control_pool = PgPoolOptions::new()
            .max_connections(CONTROL_CONNECTIONS)
            .acquire_timeout(settings.database.acquire_timeout.0)
            .after_connect(|connection, _| Box::pin(async move { connection.execute(SESSION).await.map(|_| ()) }))
            .connect_with(database.connect_options())
            .await
            .map_err(|error| ServeError::Database(format!("cannot connect to the database: {}", told(&error))))?;
        let secrets = secret_box(&database.key)?;
        migrate(&control_pool).await.map_err(ServeError::database)?;
        check_encryption_key(&control_pool, &ports::driven::SecretBox::fingerprint(&secrets)).await.map_err(ServeError::database)?;
        let options = ProvisionOptions { schemas: settings.database.schemas.clone(), ours };
        let provisioned = provision(&control_pool, &secrets, &options).await.map_err(ServeError::database)?;
        let prefix = &settings.branching.database_prefix;
        check_database_prefix(&control_pool, provisioned.instance, prefix).await.map_err(ServeError::database)?;
        // That the owner makes no databases is as it was meant where somebody else does.
        let findings =
            provisioned.capabilities.findings.iter().filter(|finding| database.branch_admin.is_none() || finding.code != "create_databases");
        // In a database of our own PUBLIC was let in until a moment ago.
        let findings = findings.filter(|finding| !ours || finding.code != "public_may_connect");
        for finding in findings {
            tracing::warn!(code = finding.code, "{finding}");
        }
        if !ours {
            check_let_in(&database.target, &provisioned.logins.user).await?;
            if matches!(provisioned.service.main_seat, ServiceSeat::ServiceLogin) {
                check_let_in(&database.target, &provisioned.logins.service).await?;
            }
        }
        ensure_main(&control_pool).await.map_err(ServeError::database)?;
        if ours && settings.embedded.demo {
            load_demo(&control_pool).await.map_err(ServeError::database)?;
        }
        let seat = main_seat(&control_pool, &secrets, &options, &provisioned.capabilities).await.map_err(|error| error.to_string());
        let presence = Presence::begin(control_pool.clone()).await.map_err(ServeError::database)?;
        Self::wire(settings, database, control_pool, presence, &provisioned, seat, secrets)
    }

    fn wire(
        settings: &Settings,
        database: &MainDatabase,
        control_pool: PgPool,
        presence: Presence,
        provisioned: &Provisioned,
        main_seat: Result<MainSeat, String>,
        secrets: XChaChaSecretBox,
    ) -> Result<Self, ServeError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn Ids> = Arc::new(RandomIds);
        let mint = Arc::new(Sha256KeyMint);
        let branches = Arc::new(PgBranchDirectory::new(control_pool.clone()));
        let keys = Arc::new(PgKeyDirectory::new(control_pool.clone()));
        let live_sessions = Arc::new(PgSessionDirectory::new(control_pool.clone()));
        let signals = Arc::new(PgOperationSignals::new());
        let listener = ChangeListener::start(control_pool.clone(), branches.clone(), keys.clone(), live_sessions.clone(), signals.clone());
        let control_plane: Arc<dyn ControlPlane> =
            Arc::new(PgControlPlane::new(control_pool.clone(), branches.clone(), keys.clone(), live_sessions.clone()).present(presence));
        let audit = Arc::new(PgAuditLog::start(control_pool.clone()));

        let names = DatabaseNames { main: DatabaseName::existing(&database.target.database), prefix: settings.branching.database_prefix.clone() };
        let logins: Arc<dyn DatabaseLogins> = Arc::new(database_logins(&database.key, provisioned));
        let restorer: Arc<dyn LoginRestorer> = Arc::new(PgLoginRestorer::new(builder_settings(settings, database, provisioned, logins.clone())));
        let databases = Arc::new(PgBranchDatabases::new(data_settings(settings, &database.target, provisioned, (logins.clone(), restorer.clone()))));
        let branching = Branching::over(Ground {
            settings,
            database,
            control_pool: &control_pool,
            control_plane: &control_plane,
            ids: &ids,
            clock: &clock,
            secrets: Arc::new(secrets),
            databases: &databases,
            logins: &logins,
            restorer: &restorer,
            provisioned,
            main_seat,
            names: &names,
        });
        let tokens =
            Arc::new(JwtTokens::new(token_settings(settings, &database.key), clock.clone()).map_err(|error| ServeError::Setting(error.to_string()))?);
        let allow_anonymous = settings.auth.allow_anonymous;
        let authenticator: Arc<dyn Authenticator> =
            Arc::new(Authenticate::new(keys.clone(), mint.clone(), tokens.clone(), live_sessions, clock.clone(), allow_anonymous));

        let guards = Guards {
            audit: audit.clone(),
            limiter: Arc::new(PgRateLimiter::new(control_pool.clone())),
            limits: RateLimits { mcp_per_minute: settings.mcp.rate_limit_per_min },
            clock: clock.clone(),
            branches: branches.clone(),
        };
        let sessions = SessionPorts {
            control_plane: control_plane.clone(),
            passwords: Arc::new(Argon2Passwords::new(passwords_at_once())),
            tokens,
            refresh_tokens: Arc::new(RandomRefreshTokens),
            limiter: guards.limiter.clone(),
            ids: ids.clone(),
            clock: clock.clone(),
        };
        let resolver = BranchResolver::new(branches.clone(), databases.clone(), names, branching.ports.acquaintances.clone());
        let use_cases = UseCases::guarded(&guards, settings, &branching.ports, &mint, &sessions, &resolver);
        Ok(Self {
            key: database.key.clone(),
            control_pool,
            ids,
            mint,
            keys,
            authenticator,
            use_cases,
            branching,
            branches,
            signals,
            databases,
            audit,
            catalogue_signal: provisioned.signal,
            _listener: listener,
        })
    }

    /// Starts what works by itself. Dropping it ends that.
    pub(super) fn start_workers(&self, settings: &Settings) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        if settings.branching.enabled {
            self.start_branch_workers(settings, &mut workers);
        }
        let (pool, databases, main) = (self.control_pool.clone(), self.databases.clone(), self.branching.ports.names.main.clone());
        workers.spawn(self.uses().keep());
        workers.spawn(catalogue_changes::follow(self.catalogue_signal, pool, databases, main, settings.database.schemas.clone()));
        workers
    }

    fn uses(&self) -> PgBranchUses {
        PgBranchUses::new(self.control_pool.clone(), self.databases.clone())
    }

    /// Writes what is still to be written and closes connections.
    pub(super) async fn close(self) {
        if !matches!(timeout(PARTING, self.uses().note()).await, Ok(Ok(()))) {
            tracing::warn!("which branches were used last could not be written down");
        }
        if let Err(error) = self.audit.close().await {
            tracing::error!(%error, "the last rows of the audit trail could not be written");
        }
        // A server that does not answer does not say goodbye either.
        if timeout(PARTING, self.control_pool.close()).await.is_err() {
            tracing::warn!("the database does not answer; its connections end with this process");
        }
    }
}

impl UseCases {
    fn guarded(
        guards: &Guards,
        settings: &Settings,
        branches: &BranchPorts,
        mint: &Arc<Sha256KeyMint>,
        sessions: &SessionPorts,
        resolver: &BranchResolver,
    ) -> Self {
        let (control_plane, ids, clock) = (&branches.control_plane, &sessions.ids, &sessions.clock);
        let session_settings = SessionSettings {
            refresh_lifetime: time::Duration::try_from(settings.auth.refresh_token_lifetime.0).unwrap_or(time::Duration::MAX),
            allow_signup: settings.auth.allow_signup,
            sign_in_attempts_per_minute: settings.auth.sign_in_attempts_per_min,
            sign_ups_per_hour: settings.auth.sign_ups_per_hour,
        };
        let enabled = settings.branching.enabled;
        macro_rules! branching {
            ($use_case:expr) => {
                if enabled { guards.around($use_case) } else { guards.around(BranchingDisabled) }
            };
        }
        let list_keys = || ListKeysUseCase::new(control_plane.clone());
        let revoke_key = || RevokeKeyUseCase::new(control_plane.clone(), clock.clone());
        Self {
            unread: guards.around_nothing(),
            follow_started: Guards::within(FollowOperationUseCase::new(branches.clone())),
            branch_of_started: Guards::within(GetBranchUseCase::new(branches.clone())),
            query_table: guards.around(QueryTableUseCase::new(resolver.clone())),
            insert_record: guards.around(InsertRecordUseCase::new(resolver.clone())),
            update_record: guards.around(UpdateRecordUseCase::new(resolver.clone())),
            delete_record: guards.around(DeleteRecordUseCase::new(resolver.clone())),
            list_tables: guards.around(ListTablesUseCase::new(resolver.clone())),
            describe_table: guards.around(DescribeTableUseCase::new(resolver.clone())),
            sign_up: guards.around(SignUpUseCase::new(sessions.clone(), session_settings)),
            sign_in: guards.around(SignInUseCase::new(sessions.clone(), session_settings)),
            refresh_session: guards.around(RefreshSessionUseCase::new(sessions.clone(), session_settings)),
            sign_out: guards.around(SignOutUseCase::new(sessions.clone())),
            get_current_user: guards.around(GetCurrentUserUseCase::new(sessions.clone())),
            create_api_key: guards.around(CreateApiKeyUseCase::new(control_plane.clone(), mint.clone(), ids.clone(), clock.clone())),
            list_api_keys: guards.around(list_keys()),
            revoke_api_key: guards.around(revoke_key()),
            create_service_key: guards.around(CreateServiceKeyUseCase::new(control_plane.clone(), mint.clone(), ids.clone(), clock.clone())),
            list_service_keys: guards.around(list_keys()),
            revoke_service_key: guards.around(revoke_key()),
            create_user: guards.around(CreateUserUseCase::new(control_plane.clone(), sessions.passwords.clone(), ids.clone(), clock.clone())),
            promote_user: guards.around(PromoteUserUseCase::new(control_plane.clone(), clock.clone())),
            list_users: guards.around(ListUsersUseCase::new(control_plane.clone())),
            list_audit: guards.around(ListAuditUseCase::new(control_plane.clone())),
            create_branch: branching!(CreateBranchUseCase::new(branches.clone(), branch_defaults(settings))),
            list_branches: branching!(ListBranchesUseCase::new(branches.clone())),
            get_branch: branching!(GetBranchUseCase::new(branches.clone())),
            update_branch: branching!(UpdateBranchUseCase::new(branches.clone())),
            delete_branch: branching!(DeleteBranchUseCase::new(branches.clone())),
            reset_branch: branching!(ResetBranchUseCase::new(branches.clone())),
            undo_reset: branching!(UndoResetUseCase::new(branches.clone())),
            seed_branch: branching!(SeedBranchUseCase::new(branches.clone())),
            migrate_branch: branching!(MigrateBranchUseCase::new(branches.clone())),
            diff_branches: branching!(DiffBranchesUseCase::new(branches.clone())),
            prove_diff: branching!(DiffBranchesUseCase::new(branches.clone())),
            list_branch_access: branching!(BranchAccessUseCase::new(branches.clone())),
            grant_branch_access: branching!(BranchAccessUseCase::new(branches.clone())),
            revoke_branch_access: branching!(BranchAccessUseCase::new(branches.clone())),
            issue_connection: branching!(ConnectionUseCase::new(branches.clone())),
            get_connection: branching!(ConnectionUseCase::new(branches.clone())),
            list_branch_activity: branching!(ListBranchActivityUseCase::new(branches.clone())),
            list_migrations: branching!(ListMigrationsUseCase::new(branches.clone())),
            repair_migration: branching!(LedgerUseCase::new(branches.clone())),
            baseline_migrations: branching!(LedgerUseCase::new(branches.clone())),
            get_operation: branching!(GetOperationUseCase::new(branches.clone())),
            follow_operation: branching!(FollowOperationUseCase::new(branches.clone())),
            cancel_operation: branching!(CancelOperationUseCase::new(branches.clone())),
        }
    }
}

/// Each takes 19 MiB and a processor for some tens of milliseconds.
fn passwords_at_once() -> NonZeroUsize {
    const AT_MOST: NonZeroUsize = NonZeroUsize::new(4).expect("not zero");
    std::thread::available_parallelism().map_or(AT_MOST, |processors| processors.min(AT_MOST))
}

pub(super) fn secret_box(key: &InstanceKey) -> Result<XChaChaSecretBox, ServeError> {
    XChaChaSecretBox::from_base64(&Secret::new(key.base64())).map_err(|error| ServeError::Setting(format!("security.encryption_key: {error}")))
}

fn token_settings(settings: &Settings, key: &InstanceKey) -> TokenSettings {
    let section = &settings.auth;
    let secret =
        section.jwt_secret.as_ref().map_or_else(|| STANDARD.encode(key.derive("fluxbase access tokens")), |secret| secret.expose().to_owned());
    TokenSettings {
        secret: Secret::new(secret),
        key_id: format!("fluxbase-{}", URL_SAFE_NO_PAD.encode(&key.derive("fluxbase access tokens' key id")[..6])),
        jwks_url: section.jwks_url.as_ref().map(ToString::to_string),
        issuer: section.jwt_issuer.clone(),
        audience: section.jwt_audience.clone(),
        lifetime: section.access_token_lifetime.0,
    }
}

fn database_logins(key: &InstanceKey, provisioned: &Provisioned) -> DerivedDatabaseLogins {
    let images = &provisioned.logins;
    DerivedDatabaseLogins::new(key.derive("fluxbase logins of branch databases"), &images.user.name, &images.service.name, &images.builder.name)
}

fn data_settings(
    settings: &Settings,
    target: &Target,
    provisioned: &Provisioned,
    (logins, restorer): (Arc<dyn DatabaseLogins>, Arc<dyn LoginRestorer>),
) -> data::Settings {
    let login =
        |login: &postgres::provision::Login| data::Login { name: login.name.clone(), password: Some(login.password.expose().to_owned().into()) };
    data::Settings {
        server: target.clone(),
        main_user: login(&provisioned.logins.user),
        logins,
        restorer,
        main_service: match provisioned.service.main_seat {
            ServiceSeat::ServiceLogin => login(&provisioned.logins.service),
            ServiceSeat::AdminLogin => data::Login { name: target.user.clone(), password: target.password.clone() },
        },
        main_database: DatabaseName::existing(&target.database),
        main_service_role: provisioned.service.main_role.clone(),
        branch_service_role: provisioned.service.branch_role.clone(),
        schemas: settings.database.schemas.clone(),
        statement_timeout: settings.database.statement_timeout.0,
        catalogue_timeout: CATALOGUE_PATIENCE,
        acquire_timeout: settings.database.acquire_timeout.0,
        max_connections: NonZeroUsize::try_from(settings.database.max_connections).expect("32 bits fit"),
    }
}
