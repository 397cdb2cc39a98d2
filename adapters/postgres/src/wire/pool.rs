//! A bounded pool of connections to one database, that runs exchanges.

use std::{
    fmt,
    iter::Sum,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::Semaphore, time::Instant};

use super::{
    dial::Dialer,
    error::WireError,
    exchange::Exchange,
    lease::Lease,
    shared::{PoolOptions, Shared},
    stream::RowsStream,
    target::Target,
};

/// What a pool has at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Connections open, or being opened or closed.
    pub open: usize,
    /// Of them, those that nobody uses.
    pub idle: usize,
}

impl Sum for PoolStats {
    fn sum<I: Iterator<Item = Self>>(stats: I) -> Self {
        stats.fold(Self::default(), |all, one| Self { open: all.open + one.open, idle: all.idle + one.idle })
    }
}

/// A bounded pool of connections to one database, that runs exchanges. Clones are the same pool.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

impl Pool {
    /// A pool that connects when it is first used. To be called within a tokio runtime, on which abandoned queries are cancelled later.
    pub fn new(target: Target, options: PoolOptions) -> Result<Self, WireError> {
        let shared = Arc::new(Shared {
            dialer: Dialer::new(target)?,
            slots: Arc::new(Semaphore::new(options.max_connections.get())),
            idle: Arc::default(),
            open: Arc::default(),
            waiting: AtomicUsize::new(0),
            runtime: Handle::current(),
            options,
        });
        shared.options.budget.join(&shared.idle);
        close_unused(&shared);
        Ok(Self { shared })
    }

    /// Runs an exchange in one round trip and waits until its first row, its end or its failure is known.
    ///
    /// It is tried a second time
    ///
    /// - on a fresh connection, where the first was dead before it answered and the exchange is `retry_safe`;
    /// - on a fresh connection, whatever the exchange is, where the server surely did nothing of it: it closed the session before it began, or never got
    ///   the whole message;
    /// - on the same connection, where a prepared statement no longer fits the schema: the server has undone all of it.
    ///
    /// Dropping the future or the stream early cancels what runs.
    pub async fn run(&self, exchange: &Exchange<'_>) -> Result<RowsStream, WireError> {
        exchange.check()?;
        let mut stream = RowsStream::over(Lease::acquire(&self.shared).await?, exchange);
        let Err(error) = stream.start(exchange).await else { return Ok(stream) };
        if !stream.can_start_again(&error, exchange).await? {
            return Err(error);
        }
        stream.start(exchange).await?;
        Ok(stream)
    }

    /// Opens a connection where none is idle, and leaves it for the next exchange.
    pub async fn open_one(&self) -> Result<(), WireError> {
        Lease::acquire(&self.shared).await.map(drop)
    }

    /// Whether somebody waits for a connection, of this pool or of another one that shares its budget.
    pub fn is_wanted(&self) -> bool {
        self.shared.waiting.load(Ordering::SeqCst) > 0 || self.shared.options.budget.is_wanted()
    }

    /// Whether it serves nobody any more.
    pub fn is_closed(&self) -> bool {
        self.shared.slots.is_closed()
    }

    /// What the pool has now.
    pub fn stats(&self) -> PoolStats {
        PoolStats { open: self.shared.open.get(), idle: self.shared.idle.len() }
    }

    /// Closes idle connections, refuses new callers, and waits until those that run have ended.
    pub async fn close(&self) {
        self.shared.slots.close();
        self.shared.idle.close();
        self.shared.open.wait_for_none().await;
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("target", &self.shared.dialer.target).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// Closes connections that were idle for too long, for as long as the pool lives.
fn close_unused(shared: &Arc<Shared>) {
    let idle = Arc::downgrade(&shared.idle);
    let patience = shared.options.idle_timeout;
    let pace = (patience / 4).max(Duration::from_millis(10));
    drop(shared.runtime.spawn(async move {
        loop {
            tokio::time::sleep(pace).await;
            let Some(idle) = idle.upgrade() else { return };
            if let Some(limit) = Instant::now().checked_sub(patience) {
                idle.close_unused_since(limit);
            }
        }
    }));
}
