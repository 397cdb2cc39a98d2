//! Budgets of requests a minute or an hour.

use async_trait::async_trait;
use ports::driven::{Clock, NoBudget, RateLimiter};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use time::OffsetDateTime;

/// Counts requests in each minute and hour of its clock.
pub struct MemoryRateLimiter {
    clock: Arc<dyn Clock>,
    of_minute: Mutex<Taken>,
    of_hour: Mutex<Taken>,
}

/// What was taken in one minute or hour.
#[derive(Default)]
struct Taken {
    number: i64,
    by_key: HashMap<String, u32>,
}

impl MemoryRateLimiter {
    /// A limiter from which nothing was taken yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, of_minute: Mutex::default(), of_hour: Mutex::default() }
    }
}

impl fmt::Debug for MemoryRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRateLimiter").finish_non_exhaustive()
    }
}

impl Taken {
    /// Takes one in the window of so many seconds that it is now.
    fn take(&mut self, key: &str, limit: u32, now: OffsetDateTime, seconds: i64) -> Result<(), NoBudget> {
        let number = now.unix_timestamp().div_euclid(seconds);
        if self.number != number {
            *self = Self { number, by_key: HashMap::new() };
        }
        let count = self.by_key.entry(key.to_owned()).or_default();
        if *count >= limit {
            let gone = Duration::new(now.unix_timestamp().rem_euclid(seconds).unsigned_abs(), now.nanosecond());
            return Err(NoBudget::UsedUp(Duration::from_secs(seconds.unsigned_abs()).saturating_sub(gone)));
        }
        *count += 1;
        Ok(())
    }
}

#[async_trait]
impl RateLimiter for MemoryRateLimiter {
    async fn take(&self, key: &str, per_minute: u32) -> Result<(), NoBudget> {
        self.of_minute.lock().unwrap_or_else(PoisonError::into_inner).take(key, per_minute, self.clock.now(), 60)
    }

    async fn take_of_hour(&self, key: &str, per_hour: u32) -> Result<(), NoBudget> {
        self.of_hour.lock().unwrap_or_else(PoisonError::into_inner).take(key, per_hour, self.clock.now(), 3600)
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryRateLimiter;
    use ports::driven::{Clock, NoBudget, RateLimiter};
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };
    use time::OffsetDateTime;

    struct SetClock(Mutex<OffsetDateTime>);

    impl Clock for SetClock {
        fn now(&self) -> OffsetDateTime {
            *self.0.lock().unwrap()
        }
    }

    #[tokio::test]
    async fn a_key_gets_its_limit_in_each_minute_and_is_told_when_the_next_begins() {
        let clock = Arc::new(SetClock(Mutex::new(OffsetDateTime::UNIX_EPOCH + Duration::from_millis(59_250))));
        let limiter = MemoryRateLimiter::new(Arc::clone(&clock) as _);
        assert_eq!(limiter.take("a", 2).await, Ok(()));
        assert_eq!(limiter.take("a", 2).await, Ok(()));
        assert_eq!(limiter.take("a", 2).await, Err(NoBudget::UsedUp(Duration::from_millis(750))));
        assert_eq!(limiter.take("b", 1).await, Ok(()));
        assert_eq!(limiter.take_of_hour("a", 1).await, Ok(()));
        *clock.0.lock().unwrap() += Duration::from_millis(750);
        assert_eq!(limiter.take("a", 2).await, Ok(()));
        assert_eq!(limiter.take_of_hour("a", 1).await, Err(NoBudget::UsedUp(Duration::from_mins(59))));
    }
}
