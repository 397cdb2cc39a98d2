//! The worlds that promises are held against.

use crate::values;
use domain::Branch;
use fluxbase_tests::{SystemClock, TestCluster, TestDatabase};
use memory::{MemoryControlPlane, MemoryRateLimiter};
use ports::driven::{BranchDirectory, ControlPlane, KeyDirectory, OperationSignals, RateLimiter, SessionDirectory, UnitOfWork};
use postgres::control::{
    ChangeListener, PgBranchDirectory, PgControlPlane, PgKeyDirectory, PgOperationSignals, PgRateLimiter, PgSessionDirectory, ensure_main, migrate,
};
use std::{any::Any, sync::Arc};

/// One replica of the control plane, with a main branch and nothing else.
pub(crate) struct World {
    pub(crate) control_plane: Arc<dyn ControlPlane>,
    pub(crate) branches: Arc<dyn BranchDirectory>,
    pub(crate) keys: Arc<dyn KeyDirectory>,
    pub(crate) sessions: Arc<dyn SessionDirectory>,
    pub(crate) signals: Arc<dyn OperationSignals>,
    pub(crate) rate_limiter: Arc<dyn RateLimiter>,
    pub(crate) main: Branch,
    /// What it needs to stay alive, in the order in which it goes.
    _ground: Vec<Box<dyn Any>>,
}

impl World {
    /// Begins a unit of work.
    pub(crate) async fn begin(&self) -> Box<dyn UnitOfWork> {
        self.control_plane.begin().await.unwrap()
    }

    /// Commits a branch.
    pub(crate) async fn add_branch(&self, branch: &Branch) {
        let mut work = self.begin().await;
        work.branches().insert(branch).await.unwrap();
        work.commit().await.unwrap();
    }
}

/// The fakes.
pub(crate) async fn memory() -> World {
    let control_plane = MemoryControlPlane::new(Arc::new(SystemClock));
    let main = values::main_branch();
    let mut work = control_plane.begin().await.unwrap();
    work.branches().insert(&main).await.unwrap();
    work.commit().await.unwrap();
    World {
        branches: Arc::new(control_plane.branch_directory()),
        keys: Arc::new(control_plane.key_directory()),
        sessions: Arc::new(control_plane.session_directory()),
        signals: Arc::new(control_plane.operation_signals()),
        rate_limiter: Arc::new(MemoryRateLimiter::new(Arc::new(SystemClock))),
        control_plane: Arc::new(control_plane),
        main,
        _ground: Vec::new(),
    }
}

/// A database of its own on the shared cluster.
pub(crate) async fn postgres() -> World {
    let database: TestDatabase = TestCluster::database().await;
    let pool = database.pool(12).await;
    migrate(&pool).await.unwrap();
    postgres::provision::migrate_data(&pool).await.unwrap();
    let main = ensure_main(&pool).await.unwrap();
    let branches = Arc::new(PgBranchDirectory::new(pool.clone()));
    let keys = Arc::new(PgKeyDirectory::new(pool.clone()));
    let sessions = Arc::new(PgSessionDirectory::new(pool.clone()));
    let signals = Arc::new(PgOperationSignals::new());
    let listener = ChangeListener::start(pool.clone(), Arc::clone(&branches), Arc::clone(&keys), Arc::clone(&sessions), Arc::clone(&signals));
    World {
        control_plane: Arc::new(PgControlPlane::new(pool.clone(), Arc::clone(&branches), Arc::clone(&keys), Arc::clone(&sessions))),
        branches,
        keys,
        sessions,
        signals,
        rate_limiter: Arc::new(PgRateLimiter::new(pool)),
        main,
        _ground: vec![Box::new(listener), Box::new(database)],
    }
}
