//! A limit to how fast a copy reads, so that the parent's users do not feel it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// Shared by all streams of a copy.
pub(crate) struct Pace {
    /// Bytes a second; 0 is no limit.
    rate: u64,
    began: Instant,
    read: AtomicU64,
}

impl Pace {
    pub(crate) fn new(rate: u64) -> Self {
        Self { rate, began: Instant::now(), read: AtomicU64::new(0) }
    }

    /// Waits as long as reading these bytes should have taken.
    pub(crate) async fn keep(&self, bytes: u64) {
        if self.rate == 0 {
            return;
        }
        let read = self.read.fetch_add(bytes, Ordering::Relaxed) + bytes;
        tokio::time::sleep_until(self.began + due(read, self.rate)).await;
    }
}

fn due(bytes: u64, rate: u64) -> Duration {
    Duration::from_nanos(u64::try_from(u128::from(bytes) * 1_000_000_000 / u128::from(rate)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::due;
    use std::time::Duration;

    #[test]
    fn a_rate_says_when_bytes_are_due() {
        assert_eq!(due(0, 10), Duration::ZERO);
        assert_eq!(due(25, 10), Duration::from_millis(2500));
        assert_eq!(due(u64::MAX, 1), Duration::from_nanos(u64::MAX));
    }
}
