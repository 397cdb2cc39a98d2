//! One transaction on the metadata database, which is every repository.

use super::{
    PgBranchDirectory, PgKeyDirectory, PgSessionDirectory, Presence,
    error::{self, store},
};
use async_trait::async_trait;
use domain::{BranchId, access::KeyId};
use ports::driven::{
    ActivityRepository, AuditRepository, BranchRepository, ControlPlane, Footing, KeyRepository, MigrationHistoryRepository, OperationRepository,
    SessionRepository, StoreError, UnitOfWork, UserRepository,
};
use sqlx::{Executor, PgPool, Postgres, Transaction};
use std::{fmt, sync::Arc, time::Duration};
use uuid::Uuid;

/// The metadata database.
#[derive(Clone)]
pub struct PgControlPlane {
    pool: PgPool,
    directories: Directories,
    presence: Option<Arc<Presence>>,
}

/// What this replica remembers of what a unit of work may change.
#[derive(Clone)]
struct Directories {
    branches: Arc<PgBranchDirectory>,
    keys: Arc<PgKeyDirectory>,
    sessions: Arc<PgSessionDirectory>,
}

impl PgControlPlane {
    /// The control plane over a pool. Commits are known to these directories at once.
    pub fn new(pool: PgPool, branches: Arc<PgBranchDirectory>, keys: Arc<PgKeyDirectory>, sessions: Arc<PgSessionDirectory>) -> Self {
        Self { pool, directories: Directories { branches, keys, sessions }, presence: None }
    }

    /// Claims operations as a replica that is seen to live: once it is gone, others need not wait for its leases.
    #[must_use]
    pub fn present(self, presence: Presence) -> Self {
        Self { presence: Some(Arc::new(presence)), ..self }
    }
}

impl fmt::Debug for PgControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgControlPlane").finish_non_exhaustive()
    }
}

#[async_trait]
impl ControlPlane for PgControlPlane {
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        let transaction = self.pool.begin().await.map_err(store)?;
        Ok(Box::new(PgUnitOfWork {
            transaction,
            directories: self.directories.clone(),
            touched: Touched::default(),
            only_tells: false,
            managed: None,
            holder: self.presence.as_ref().and_then(|presence| presence.number()),
        }))
    }
}

/// A transaction. Dropping it rolls back.
pub(super) struct PgUnitOfWork {
    pub(super) transaction: Transaction<'static, Postgres>,
    directories: Directories,
    pub(super) touched: Touched,
    only_tells: bool,
    /// Whether the `auth` schema is ours, once somebody asked.
    pub(super) managed: Option<bool>,
    /// The lock that shows that we live, while it is held.
    pub(super) holder: Option<i64>,
}

/// What must be forgotten at commit.
#[derive(Default)]
pub(super) struct Touched {
    pub(super) branches: Vec<BranchId>,
    pub(super) keys: Vec<KeyId>,
    pub(super) sessions: Vec<Uuid>,
}

#[async_trait]
impl UnitOfWork for PgUnitOfWork {
    fn branches(&mut self) -> &mut dyn BranchRepository {
        self
    }

    fn operations(&mut self) -> &mut dyn OperationRepository {
        self
    }

    fn keys(&mut self) -> &mut dyn KeyRepository {
        self
    }

    fn users(&mut self) -> &mut dyn UserRepository {
        self
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        self
    }

    fn activity(&mut self) -> &mut dyn ActivityRepository {
        self
    }

    fn migrations(&mut self) -> &mut dyn MigrationHistoryRepository {
        self
    }

    fn audit(&mut self) -> &mut dyn AuditRepository {
        self
    }

    async fn may_stand_still(&mut self, at_most: Duration) -> Result<Footing, StoreError> {
        sqlx::query_scalar("select pg_current_xact_id()::text::bigint from set_config('idle_in_transaction_session_timeout', $1, true)")
            .bind(at_most.as_millis().to_string())
            .fetch_one(&mut *self.transaction)
            .await
            .map(Footing)
            .map_err(store)
    }

    async fn wait_at_most(&mut self, at_most: Duration) -> Result<(), StoreError> {
        sqlx::query("select set_config('lock_timeout', $1, true)")
            .bind(at_most.as_millis().to_string())
            .execute(&mut *self.transaction)
            .await
            .map(drop)
            .map_err(store)
    }

    fn only_tells(&mut self) {
        self.only_tells = true;
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self { mut transaction, directories, touched, only_tells, .. } = *self;
        if only_tells {
            transaction.execute("set local synchronous_commit = off").await.map_err(store)?;
        }
        let committed = transaction.commit().await.map_err(error::commit);
        // After a failure too: the server may have committed before the connection broke.
        directories.branches.forget(&touched.branches);
        directories.keys.forget(&touched.keys);
        directories.sessions.forget(&touched.sessions);
        committed
    }
}
