//! What the cases share: a migrated database, a replica on it, and values to write.

mod audit;
mod branch_uses;
mod branches;
mod directories;
mod keys;
mod migrating;
mod operations;
mod rate_limits;
mod users;

use crate::cluster::{PASSWORD, cluster};
use domain::{
    Branch, BranchId, BranchState, BranchType, DataCloneMode, Generation, OperationId, UserId,
    access::{KeyId, Restrictions},
};
use fluxbase_postgres::control::{
    ChangeListener, PgBranchDirectory, PgControlPlane, PgKeyDirectory, PgOperationSignals, PgSessionDirectory, ensure_main, migrate,
};
use ports::driven::{ControlPlane, KeyKind, KeyRecord, OperationSignals, UnitOfWork};
use sqlx::{
    Executor, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

fn server() -> PgConnectOptions {
    PgConnectOptions::new().host("127.0.0.1").port(cluster().port).username("postgres").password(PASSWORD).database("postgres")
}

/// An empty database owned by a login that is no superuser, which is how Fluxbase meets most databases.
async fn empty_database() -> PgConnectOptions {
    database_with("").await
}

async fn database_with(options: &str) -> PgConnectOptions {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("control_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let pool = PgPoolOptions::new().max_connections(1).connect_with(server()).await.unwrap();
    pool.execute(ROLES).await.unwrap();
    let owner = format!("create role {name} login password 'owner'");
    let database = format!("create database {name} owner {name} template template0 {options}");
    pool.execute(sqlx::AssertSqlSafe(owner)).await.unwrap();
    pool.execute(sqlx::AssertSqlSafe(database)).await.unwrap();
    pool.close().await;
    server().database(&name).username(&name).password("owner")
}

/// The cluster's roles, made by whichever test comes first.
const ROLES: &str = "do $$
declare name text;
begin
    foreach name in array array['anon', 'authenticated', 'service_role'] loop
        begin
            execute format('create role %I nologin', name);
        exception when duplicate_object or unique_violation then
            null;
        end;
    end loop;
end $$";

/// Schema `auth`, as main's database has it.
async fn make_auth_schema(pool: &PgPool) {
    let mut migrator = sqlx::migrate!("../../migrations/data");
    migrator.create_schema("fluxbase_migrations");
    migrator.dangerous_set_table_name("fluxbase_migrations.data");
    migrator.run(pool).await.unwrap();
}

async fn connect(options: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(20)).connect_with(options).await.unwrap()
}

/// One running server: its pool, its caches, its listener.
struct Replica {
    pool: PgPool,
    control_plane: PgControlPlane,
    branches: Arc<PgBranchDirectory>,
    keys: Arc<PgKeyDirectory>,
    sessions: Arc<PgSessionDirectory>,
    signals: Arc<PgOperationSignals>,
    _listener: Option<ChangeListener>,
}

impl Replica {
    async fn first() -> (Self, PgConnectOptions) {
        let options = empty_database().await;
        let pool = connect(options.clone(), 5).await;
        migrate(&pool).await.unwrap();
        make_auth_schema(&pool).await;
        ensure_main(&pool).await.unwrap();
        (Self::over(pool, true), options)
    }

    async fn alone() -> Self {
        Self::first().await.0
    }

    async fn another(options: &PgConnectOptions, listening: bool) -> Self {
        Self::over(connect(options.clone(), 5).await, listening)
    }

    fn over(pool: PgPool, listening: bool) -> Self {
        let branches = Arc::new(PgBranchDirectory::new(pool.clone()));
        let keys = Arc::new(PgKeyDirectory::new(pool.clone()));
        let sessions = Arc::new(PgSessionDirectory::new(pool.clone()));
        let signals = Arc::new(PgOperationSignals::new());
        let listener = listening.then(|| {
            let (branches, keys, sessions) = (Arc::clone(&branches), Arc::clone(&keys), Arc::clone(&sessions));
            ChangeListener::start(pool.clone(), branches, keys, sessions, Arc::clone(&signals))
        });
        let control_plane = PgControlPlane::new(pool.clone(), Arc::clone(&branches), Arc::clone(&keys), Arc::clone(&sessions));
        Self { pool, control_plane, branches, keys, sessions, signals, _listener: listener }
    }

    async fn begin(&self) -> Box<dyn UnitOfWork> {
        self.control_plane.begin().await.unwrap()
    }

    async fn main(&self) -> Branch {
        ensure_main(&self.pool).await.unwrap()
    }

    /// A committed branch.
    async fn branch(&self, number: u32, slug: &str) -> Branch {
        let branch = branch(number, slug, &self.main().await);
        let mut work = self.begin().await;
        work.branches().insert(&branch).await.unwrap();
        work.commit().await.unwrap();
        branch
    }

    /// Waits for the bell.
    async fn rung(&self) {
        let (begun, long) = (Instant::now(), Duration::from_secs(10));
        self.signals.wait(long).await;
        assert!(begun.elapsed() < long, "nobody rang");
    }

    async fn sql(&self, sql: impl Into<String>) {
        self.pool.execute(sqlx::AssertSqlSafe(sql.into())).await.unwrap();
    }
}

/// Waits until something is so, for two seconds at most.
async fn within_two_seconds<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(2), looking).await.expect("it becomes so")
}

fn uuid(number: u32) -> Uuid {
    Uuid::from_u128((u128::from(number) << 96) | 1)
}

fn moment(second: u32) -> OffsetDateTime {
    datetime!(2026-01-01 00:00 UTC) + Duration::from_secs(u64::from(second))
}

fn user_id(number: u32) -> UserId {
    UserId::from_uuid(uuid(number))
}

fn branch(number: u32, slug: &str, parent: &Branch) -> Branch {
    let (operation, generation) = (OperationId::from_uuid(uuid(number)), Generation::FIRST);
    Branch {
        id: BranchId::from_uuid(uuid(number)),
        name: slug.parse().unwrap(),
        slug: slug.parse().unwrap(),
        branch_type: BranchType::Preview,
        clone_mode: DataCloneMode::SchemaOnly,
        parent_id: Some(parent.id),
        created_by: Some(user_id(1)),
        created_at: moment(number),
        updated_at: moment(number),
        expires_at: None,
        withheld: Vec::new(),
        data_as_of: None,
        protected: false,
        pull_request: None,
        grants: Vec::new(),
        previous: None,
        state: BranchState::Creating { operation, generation },
    }
}

fn key(number: u32, kind: KeyKind) -> KeyRecord {
    KeyRecord {
        id: KeyId::from_uuid(uuid(number)),
        kind,
        name: format!("key {number}"),
        prefix: format!("{}{number:08}", kind.secret_prefix()),
        user_id: None,
        scopes: domain::Scopes::NONE.with(domain::Scope::ReadTables),
        restrictions: Restrictions::default(),
        created_at: moment(number),
        expires_at: None,
        revoked_at: None,
    }
}
