//! The newest catalogue known, and when it has to be looked at again.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::Failure;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::{known::KnownCatalogue, source::CatalogueSource};
use crate::wire::Pool;

/// How long a check holds where nobody tells of changes.
const FRESH: Duration = Duration::from_secs(2);
/// Older ones are not used any more: it was idle meanwhile.
const STALE: Duration = Duration::from_secs(4);
/// How long one holds where somebody tells of changes: whoever does may have gone deaf without knowing, or somebody switched the trigger off.
const FRESH_IF_TOLD: Duration = Duration::from_secs(30);
/// Checks for unknown names come no closer together.
const PACE: Duration = Duration::from_millis(250);

/// The newest catalogue known, and when it has to be looked at again.
///
/// Without an event trigger the database's change token is checked every two seconds under traffic, while requests go on with the catalogue that is known.
/// The first request after a pause waits for a check. A name that the catalogue lacks has the token checked at once.
///
/// Where an event trigger tells of changes, the token is checked when it does, and for a name that the catalogue lacks. It is also checked every half
/// minute under traffic, in case that word of a change was lost.
#[derive(Debug)]
pub(in crate::data) struct CatalogueCache {
    source: CatalogueSource,
    state: Mutex<State>,
    /// One check at a time.
    turn: tokio::sync::Mutex<()>,
    refreshing: AtomicBool,
    /// Somebody tells of changes.
    told: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    known: Option<Arc<KnownCatalogue>>,
    /// When the last check began.
    checked: Option<Instant>,
    /// When the last one began that did not reach the database.
    failed: Option<Instant>,
    /// How often it was said that something has changed.
    changes: u64,
}

enum Look {
    Good(Arc<KnownCatalogue>),
    Aging(Arc<KnownCatalogue>),
    Stale,
}

impl CatalogueCache {
    pub(in crate::data) fn new(source: CatalogueSource) -> Self {
        Self {
            source,
            state: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            refreshing: AtomicBool::new(false),
            told: AtomicBool::new(false),
        }
    }

    /// Whether somebody tells of changes, so that it need not be asked for them.
    pub(in crate::data) fn set_told(&self, told: bool) {
        self.told.store(told, Ordering::Relaxed);
    }

    /// Something has changed: the next request waits for a check.
    pub(in crate::data) fn invalidate(&self) {
        let mut state = self.state();
        state.changes += 1;
        state.checked = None;
    }

    /// The catalogue as it is, at most a few seconds ago.
    pub(in crate::data) async fn current(self: &Arc<Self>, pool: &Pool) -> Result<Arc<KnownCatalogue>, Failure> {
        match self.look() {
            Look::Good(catalogue) => Ok(catalogue),
            Look::Aging(catalogue) => {
                self.refresh_beside(pool);
                Ok(catalogue)
            }
            Look::Stale => self.check(pool, Instant::now(), Duration::ZERO).await,
        }
    }

    /// A newer catalogue than the one that lacked a name, where there is one. Waits for its turn, a quarter of a second at most.
    pub(in crate::data) async fn newer_than(&self, seen: &Arc<KnownCatalogue>, pool: &Pool) -> Result<Option<Arc<KnownCatalogue>>, Failure> {
        let now = self.check(pool, Instant::now(), PACE).await?;
        Ok((!Arc::ptr_eq(&now, seen)).then_some(now))
    }

    /// Whether [`Self::newer_than`] would have to wait.
    pub(in crate::data) fn was_just_checked(&self) -> bool {
        self.state().checked.is_some_and(|checked| checked.elapsed() < PACE)
    }

    fn look(&self) -> Look {
        let state = self.state();
        let (Some(known), Some(checked)) = (&state.known, state.checked) else { return Look::Stale };
        let age = checked.elapsed();
        let told = self.told.load(Ordering::Relaxed);
        if age < if told { FRESH_IF_TOLD } else { FRESH } {
            Look::Good(known.clone())
        } else if told || age < STALE {
            Look::Aging(known.clone())
        } else {
            Look::Stale
        }
    }

    fn refresh_beside(self: &Arc<Self>, pool: &Pool) {
        if self.refreshing.swap(true, Ordering::Relaxed) {
            return;
        }
        let (cache, pool) = (self.clone(), pool.clone());
        drop(tokio::spawn(async move {
            if let Err(failure) = cache.check(&pool, Instant::now(), Duration::ZERO).await {
                debug!(%failure, "the catalogue's change token could not be read");
            }
            cache.refreshing.store(false, Ordering::Relaxed);
        }));
    }

    /// The catalogue by a check that began no earlier than `asked`, nor sooner than `pace` after the last one.
    async fn check(&self, pool: &Pool, asked: Instant, pace: Duration) -> Result<Arc<KnownCatalogue>, Failure> {
        let _turn = self.turn.lock().await;
        let (known, checked, failed, changes) = {
            let state = self.state();
            (state.known.clone(), state.checked, state.failed, state.changes)
        };
        if failed.is_some_and(|failed| failed >= asked) {
            // Those who wait do not find out one after the other.
            return Err(Failure::unavailable("the database cannot be reached", None));
        }
        if let (Some(known), Some(checked)) = (&known, checked) {
            if checked >= asked {
                return Ok(known.clone());
            }
            sleep_until(checked + pace).await;
        }
        let began = Instant::now();
        let newest = self.newest(known, pool).await;
        let mut state = self.state();
        if matches!(newest, Err(Failure::Unavailable { .. })) {
            state.failed = Some(began);
        }
        let newest = newest?;
        state.known = Some(newest.clone());
        // What was told meanwhile may not be in it.
        state.checked = (state.changes == changes).then_some(began);
        Ok(newest)
    }

    async fn newest(&self, known: Option<Arc<KnownCatalogue>>, pool: &Pool) -> Result<Arc<KnownCatalogue>, Failure> {
        match known {
            Some(known) if self.source.token(pool).await? == known.token => Ok(known),
            _ => self.source.read(pool).await.map(Arc::new),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
