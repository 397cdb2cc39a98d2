//! A few copies with rows at the same time from one parent, over all replicas: more would only be slower, and felt by its users.

use crate::{claim::Claim, settings::Settings};
use domain::branch::DatabaseName;
use ports::driven::BuildError;
use std::time::Duration;

const AT_ONCE: u32 = 2;
const LOOK: Duration = Duration::from_millis(500);

/// Waits for a turn, which ends when it is released or dropped.
pub(crate) async fn take(settings: &Settings, parent: &DatabaseName) -> Result<Claim, BuildError> {
    loop {
        for place in 0..AT_ONCE {
            if let Some(turn) = Claim::try_take(settings, &format!("turn {place} to copy {parent}")).await? {
                return Ok(turn);
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
