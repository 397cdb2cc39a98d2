//! The operating system's clock and random numbers, behind their ports.

use ports::driven::{Clock, Ids};
use time::OffsetDateTime;
use uuid::Uuid;

/// The system's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter behind the Clock port")]
    fn now(&self) -> OffsetDateTime {
        // As PostgreSQL keeps it: the answer that tells of something new says the same as every later one.
        OffsetDateTime::now_utc().truncate_to_microsecond()
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

#[cfg(test)]
mod tests {
    use super::SystemClock;
    use ports::driven::Clock;

    #[test]
    fn times_have_no_more_than_postgresql_keeps() {
        assert!((0..1000).all(|_| SystemClock.now().nanosecond().is_multiple_of(1000)));
    }
}
