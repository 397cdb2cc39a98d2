//! Waiting for a condition, never for a time.

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often conditions are looked at.
pub(super) const POLL: Duration = Duration::from_millis(20);

/// Waits until the condition holds, and panics with `what` when it does not within the time.
#[track_caller]
pub fn eventually<C: AsyncFnMut() -> bool>(what: &str, within: Duration, mut condition: C) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let deadline = Instant::now() + within;
        while !condition().await {
            assert!(Instant::now() < deadline, "{caller}: not within {within:?}: {what}");
            sleep(POLL).await;
        }
    }
}
