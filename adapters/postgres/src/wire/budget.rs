//! How many connections all pools of this process may have open together.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::idle::IdleList;

/// How many connections all pools of this process may have open together.
///
/// A pool that needs one and finds none left closes another pool's idle one. One that has none at all goes before those that have some.
#[derive(Debug)]
pub struct Budget {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    starving: AtomicUsize,
    pools: Mutex<Vec<Weak<IdleList>>>,
}

impl Budget {
    /// A budget of `connections`.
    pub fn new(connections: NonZeroUsize) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(connections.get())),
            waiting: AtomicUsize::new(0),
            starving: AtomicUsize::new(0),
            pools: Mutex::default(),
        })
    }

    /// How many more connections could be opened now.
    pub fn available(&self) -> usize {
        self.permits.available_permits()
    }

    pub(super) fn join(&self, pool: &Arc<IdleList>) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(pool));
    }

    pub(super) fn try_take(&self) -> Option<OwnedSemaphorePermit> {
        self.permits.clone().try_acquire_owned().ok()
    }

    /// Announces a demand for as long as the guard lives. To be called before idle connections are looked for: one that becomes idle later is
    /// then given up by its own pool.
    pub(super) fn demand(&self, has_none: bool) -> (Counted<'_>, Option<Counted<'_>>) {
        (Counted::add(&self.waiting), has_none.then(|| Counted::add(&self.starving)))
    }

    /// Waits for a permit, first come first served.
    pub(super) async fn take(&self) -> OwnedSemaphorePermit {
        self.permits.clone().acquire_owned().await.expect("the budget is never closed")
    }

    /// Whether a pool waits for a connection to be closed, so that it can open one.
    pub(super) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Closes the connection that has been idle for longest in another pool. False where there is none.
    pub(super) fn close_an_idle_one(&self, asking: &IdleList) -> bool {
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let others = pools.iter().filter_map(Weak::upgrade).filter(|pool| !std::ptr::eq(Arc::as_ptr(pool), asking));
        let longest = others.filter_map(|pool| Some((pool.oldest()?, pool))).min_by_key(|(since, _)| *since);
        drop(pools);
        longest.is_some_and(|(_, pool)| pool.close_oldest())
    }

    /// Whether a pool should close one of its idle connections, for others to open one. To be asked after a connection became idle.
    pub(super) fn wants_back(&self, own_demand: bool) -> bool {
        self.starving.load(Ordering::SeqCst) > 0 || (!own_demand && self.waiting.load(Ordering::SeqCst) > 0)
    }
}

/// Counts for as long as it lives, however the future that holds it ends.
pub(crate) struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    pub(crate) fn add(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
