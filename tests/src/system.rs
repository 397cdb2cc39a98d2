//! The time and ids of the machine, for tests that go by them.

use ports::driven::Clock;
use time::OffsetDateTime;
use uuid::Uuid;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock port of the tests")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// An id that no other test has.
#[expect(clippy::disallowed_methods, reason = "this is the id port of the tests")]
pub fn fresh_id() -> Uuid {
    Uuid::new_v4()
}
