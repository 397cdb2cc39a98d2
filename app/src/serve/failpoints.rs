//! Ends the process at a named place, so that tests see what a crash there leaves behind. Not in release builds.

use ports::driven::Failpoints;

/// Aborts at the place that `FLUXBASE_FAILPOINT` names, the n-th time it is reached: `copy_rows.before`, `switch.after:2`.
pub(super) struct AbortAt {
    place: String,
    left: std::sync::atomic::AtomicU32,
}

impl AbortAt {
    /// `None` where the variable is not set.
    pub(super) fn from_environment() -> Option<Self> {
        let raw = std::env::var("FLUXBASE_FAILPOINT").ok()?;
        let (place, times) = raw.split_once(':').unwrap_or((&raw, "1"));
        Some(Self { place: place.to_owned(), left: times.parse().unwrap_or(1).into() })
    }
}

impl Failpoints for AbortAt {
    fn reached(&self, place: &str) {
        use std::sync::atomic::Ordering;
        if place == self.place && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // As `kill -9` would: no destructor runs, nothing is flushed.
            std::process::abort();
        }
    }
}
