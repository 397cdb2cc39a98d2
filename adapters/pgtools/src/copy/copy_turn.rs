//! A few copies with rows at the same time from one parent, over all replicas: more would only be slower, and felt by its users.

use crate::{claim::Claim, settings::Settings};
use domain::branch::DatabaseName;
use ports::driven::BuildError;
use std::time::Duration;
use tokio::task::JoinHandle;

const AT_ONCE: u32 = 2;
const LOOK: Duration = Duration::from_millis(500);

/// A turn, until it is dropped. One that was taken by a process that is frozen now ends too.
pub(crate) struct Turn(JoinHandle<()>);

impl Turn {
    /// Waits for a turn.
    pub(crate) async fn take(settings: &Settings, parent: &DatabaseName) -> Result<Self, BuildError> {
        loop {
            for place in 0..AT_ONCE {
                if let Some(hold) = Claim::try_take(settings, &format!("turn {place} to copy {parent}")).await? {
                    return Ok(Self(tokio::spawn(hold.keep_while_alive())));
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.abort();
    }
}
