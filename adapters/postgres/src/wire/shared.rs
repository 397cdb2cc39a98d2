//! What a pool and the leases of its connections share.

use std::{
    fmt,
    num::NonZeroUsize,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{runtime::Handle, sync::Semaphore};

use super::{
    budget::Budget,
    dial::Dialer,
    idle::{IdleList, OpenCount},
    sql_error::SqlError,
};

/// Limits of a pool.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// How many connections this pool may use at a time.
    pub max_connections: NonZeroUsize,
    /// What all pools together may have open.
    pub budget: Arc<Budget>,
    /// After which time without use a connection is closed.
    pub idle_timeout: Duration,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long a caller waits for a connection.
    pub acquire_timeout: Duration,
    /// How many prepared statements a connection keeps.
    pub statement_cache: NonZeroUsize,
    /// Whom to ask when the login is refused.
    pub mender: Option<Arc<dyn LoginMender>>,
}

/// Mends a login that is refused.
#[async_trait]
pub trait LoginMender: Send + Sync + fmt::Debug {
    /// Whether something was mended, so that it is worth trying once more.
    async fn mend(&self, refusal: &SqlError) -> bool;
}

impl PoolOptions {
    /// The usual limits for `max_connections` out of `budget`.
    pub fn new(max_connections: NonZeroUsize, budget: Arc<Budget>) -> Self {
        Self {
            max_connections,
            budget,
            idle_timeout: Duration::from_mins(5),
            connect_timeout: Duration::from_secs(10),
            acquire_timeout: Duration::from_secs(10),
            statement_cache: NonZeroUsize::new(128).expect("128 is not zero"),
            mender: None,
        }
    }
}

/// What a pool and the leases of its connections share.
pub(super) struct Shared {
    pub(super) dialer: Dialer,
    pub(super) options: PoolOptions,
    /// One for each connection that may be in use.
    pub(super) slots: Arc<Semaphore>,
    pub(super) idle: Arc<IdleList>,
    pub(super) open: Arc<OpenCount>,
    /// Callers that have no connection yet.
    pub(super) waiting: AtomicUsize,
    pub(super) runtime: Handle,
}
