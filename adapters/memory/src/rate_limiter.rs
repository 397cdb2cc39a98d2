//! Budgets of requests a minute.

use async_trait::async_trait;
use ports::driven::{Clock, RateLimiter};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Counts requests in each minute of its clock.
pub struct MemoryRateLimiter {
    clock: Arc<dyn Clock>,
    taken: Mutex<Taken>,
}

/// What was taken in one minute.
#[derive(Default)]
struct Taken {
    minute: i64,
    by_key: HashMap<String, u32>,
}

impl MemoryRateLimiter {
    /// A limiter from which nothing was taken yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, taken: Mutex::default() }
    }
}

impl fmt::Debug for MemoryRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRateLimiter").finish_non_exhaustive()
    }
}

#[async_trait]
impl RateLimiter for MemoryRateLimiter {
    async fn take(&self, key: &str, per_minute: u32) -> Result<(), Duration> {
        let now = self.clock.now();
        let minute = now.unix_timestamp().div_euclid(60);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.minute != minute {
            *taken = Taken { minute, by_key: HashMap::new() };
        }
        let count = taken.by_key.entry(key.to_owned()).or_default();
        if *count >= per_minute {
            let into_the_minute = Duration::new(now.unix_timestamp().rem_euclid(60).unsigned_abs(), now.nanosecond());
            return Err(Duration::from_mins(1).saturating_sub(into_the_minute));
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryRateLimiter;
    use ports::driven::{Clock, RateLimiter};
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
        assert_eq!(limiter.take("a", 2).await, Err(Duration::from_millis(750)));
        assert_eq!(limiter.take("b", 1).await, Ok(()));
        *clock.0.lock().unwrap() += Duration::from_millis(750);
        assert_eq!(limiter.take("a", 2).await, Ok(()));
    }
}
