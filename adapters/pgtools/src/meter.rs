//! How far a step has come, and the pulse that tells of it and hears whether to stop.

use ports::driven::{BuildError, BuildProgress};
use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::time::MissedTickBehavior;

/// A few times a second is enough for people, and quick enough for a stop.
const PULSE: Duration = Duration::from_millis(300);

/// Counts up towards an estimate.
pub(crate) struct Meter {
    done: AtomicU64,
    estimate: u64,
    unit: &'static str,
}

impl Meter {
    pub(crate) fn new(estimate: u64, unit: &'static str) -> Self {
        Self { done: AtomicU64::new(0), estimate, unit }
    }

    pub(crate) fn add(&self, more: u64) {
        self.done.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    async fn tell(&self, progress: &dyn BuildProgress, total: u64) -> Result<(), BuildError> {
        progress.advance(self.done(), total.max(self.done()), self.unit).await
    }

    /// Carries the work on while telling how far it is. The work is dropped, and with it its children and connections, when the answer is to stop.
    pub(crate) async fn watch<T>(&self, progress: &dyn BuildProgress, work: impl Future<Output = Result<T, BuildError>>) -> Result<T, BuildError> {
        let mut work = Box::pin(work);
        let mut pulse = tokio::time::interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                outcome = &mut work => {
                    let outcome = outcome?;
                    self.tell(progress, self.done()).await?;
                    return Ok(outcome);
                }
                _ = pulse.tick() => self.tell(progress, self.estimate).await?,
            }
        }
    }
}
