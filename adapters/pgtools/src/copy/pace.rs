//! How fast a copy reads: by the limit of the configuration, and with rests where the server has others to serve.

use super::server_load::Load;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// Shared by all streams of a copy.
pub(crate) struct Pace<'a> {
    /// Bytes a second; 0 is no limit.
    rate: u64,
    began: Instant,
    read: AtomicU64,
    load: &'a Load,
}

/// What one stream reads between two rests.
pub(crate) struct Stretch<'a> {
    pace: &'a Pace<'a>,
    began: Instant,
}

/// Long enough that what it takes to stop and go is nothing, short enough that nobody waits for long.
const STRETCH: Duration = Duration::from_millis(100);

impl<'a> Pace<'a> {
    pub(crate) fn new(rate: u64, load: &'a Load) -> Self {
        Self { rate, began: Instant::now(), read: AtomicU64::new(0), load }
    }

    /// Begins to read.
    pub(crate) fn stretch(&'a self) -> Stretch<'a> {
        Stretch { pace: self, began: Instant::now() }
    }

    /// Waits as long as reading these bytes should have taken.
    async fn keep(&self, bytes: u64) {
        if self.rate == 0 {
            return;
        }
        let read = self.read.fetch_add(bytes, Ordering::Relaxed) + bytes;
        tokio::time::sleep_until(self.began + due(read, self.rate)).await;
    }
}

impl Stretch<'_> {
    /// To be awaited when so many bytes more were read.
    pub(crate) async fn keep(&mut self, bytes: u64) {
        let read_for = self.began.elapsed();
        if read_for >= STRETCH {
            self.pace.load.rest_after(read_for).await;
        }
        self.pace.keep(bytes).await;
        if read_for >= STRETCH || self.pace.rate > 0 {
            self.began = Instant::now();
        }
    }
}

fn due(bytes: u64, rate: u64) -> Duration {
    Duration::from_nanos(u64::try_from(u128::from(bytes) * 1_000_000_000 / u128::from(rate)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Pace, due};
    use crate::copy::server_load::Load;
    use std::time::Duration;
    use tokio::time::{Instant, advance};

    #[test]
    fn a_rate_says_when_bytes_are_due() {
        assert_eq!(due(0, 10), Duration::ZERO);
        assert_eq!(due(25, 10), Duration::from_millis(2500));
        assert_eq!(due(u64::MAX, 1), Duration::from_nanos(u64::MAX));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_rests_when_it_has_read_for_a_while() {
        let load = Load::told(true);
        let pace = Pace::new(0, &load);
        let mut stretch = pace.stretch();
        let begun = Instant::now();
        for _ in 0..4 {
            advance(Duration::from_millis(60)).await;
            stretch.keep(1).await;
        }
        assert_eq!(begun.elapsed(), Duration::from_millis(4 * 60 + 4 * 60));
    }
}
