//! The bell that wakes workers.

use async_trait::async_trait;
use ports::driven::OperationSignals;
use std::time::Duration;
use tokio::{sync::Notify, time::timeout};

/// Wakes this replica's workers whenever a `ChangeListener` hears of an operation that may be claimed.
#[derive(Debug, Default)]
pub struct PgOperationSignals {
    bell: Notify,
}

impl PgOperationSignals {
    /// A bell that nobody has rung yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wakes who waits now, and one who comes next: it may have looked for work just before there was any.
    pub(super) fn ring(&self) {
        self.bell.notify_waiters();
        self.bell.notify_one();
    }
}

#[async_trait]
impl OperationSignals for PgOperationSignals {
    async fn wait(&self, at_most: Duration) {
        // Running out of time is no news: the caller looks for work either way.
        let _rung = timeout(at_most, self.bell.notified()).await.is_ok();
    }
}

#[cfg(test)]
mod tests {
    use super::PgOperationSignals;
    use ports::driven::OperationSignals;
    use std::time::Duration;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_ring_is_not_lost_on_a_worker_that_comes_a_moment_later() {
        let (signals, begun) = (PgOperationSignals::new(), Instant::now());
        signals.ring();
        signals.wait(Duration::from_secs(5)).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        signals.wait(Duration::from_secs(5)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(5));
    }
}
