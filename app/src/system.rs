//! The operating system's clock and random numbers, behind their ports.

use ports::driven::{Clock, Ids};
use time::OffsetDateTime;
use uuid::Uuid;

/// The system's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter behind the Clock port")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// Random UUIDs.
pub(crate) struct RandomIds;

impl Ids for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter behind the Ids port")]
    fn fresh(&self) -> Uuid {
        Uuid::new_v4()
    }
}
