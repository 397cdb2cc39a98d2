//! A few copies with rows at the same time from one parent, over all replicas: more would only be slower, and felt by its users.

use crate::{claim::Claim, settings::Settings};
use domain::branch::DatabaseName;
use ports::driven::{BuildError, BuildProgress};
use std::time::Duration;
use tokio::task::JoinHandle;

const AT_ONCE: u32 = 2;
const LOOK: Duration = Duration::from_millis(500);

/// A turn, until it is dropped. One that was taken by a process that is frozen now ends too.
pub(crate) struct Turn(JoinHandle<()>);

impl Turn {
    /// Waits for a turn, and tells that it waits.
    pub(crate) async fn take(settings: &Settings, parent: &DatabaseName, progress: &dyn BuildProgress) -> Result<Self, BuildError> {
        let mut waiting = None;
        loop {
            for place in 0..at_once(settings) {
                if let Some(hold) = Claim::try_take(settings, &format!("turn {place} to copy {parent}")).await? {
                    return Ok(Self(tokio::spawn(hold.keep_while_alive())));
                }
            }
            waiting.get_or_insert_with(|| Waiting::begin(progress));
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// What may be read of a parent in a second is a parent's limit: two copies would each read as much.
fn at_once(settings: &Settings) -> u32 {
    if settings.clone_rate > 0 { 1 } else { AT_ONCE }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits for its turn, until this is dropped.
struct Waiting<'a>(&'a dyn BuildProgress);

impl<'a> Waiting<'a> {
    fn begin(progress: &'a dyn BuildProgress) -> Self {
        progress.waits_for_turn(true);
        Self(progress)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waits_for_turn(false);
    }
}
