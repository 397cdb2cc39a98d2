//! The tries of what gives way to others' locks: each waits longer than the one before, and between two everything is let go.

use super::settings::MigrationLimits;
use ports::driven::{MigrationError, MigrationProgress};
use std::time::{Duration, Instant};

/// Where it stands.
pub(super) struct Tries {
    limits: MigrationLimits,
    /// Counted from 1.
    pub(super) attempt: u32,
    /// When this one began.
    pub(super) began: Instant,
    /// How long the one before took.
    lasted: Duration,
}

impl Tries {
    /// The first one begins.
    pub(super) fn begin(limits: MigrationLimits) -> Self {
        Self { limits, attempt: 1, began: Instant::now(), lasted: Duration::ZERO }
    }

    /// How long a statement of this one waits for a lock.
    pub(super) fn patience(&self) -> Duration {
        self.limits.patience(self.attempt, self.lasted)
    }

    /// Whether it is not the last one.
    pub(super) fn are_left(&self) -> bool {
        self.attempt < self.limits.attempts
    }

    /// Makes a pause; then the next one begins.
    pub(super) async fn give_way(&mut self, progress: &dyn MigrationProgress) -> Result<(), MigrationError> {
        self.lasted = self.began.elapsed();
        self.limits.give_way(self.attempt, progress).await?;
        (self.attempt, self.began) = (self.attempt + 1, Instant::now());
        Ok(())
    }
}
