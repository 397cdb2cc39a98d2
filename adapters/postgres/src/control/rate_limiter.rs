//! Budgets of requests a minute or an hour, taken from the metadata database in slices.

use super::{
    audit_batch::{Texts, storable},
    shards::Shards,
};
use async_trait::async_trait;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use ports::driven::{NoBudget, RateLimiter};
use sqlx::PgPool;
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// Requests in a slice at most.
const LARGEST_SLICE: u32 = 50;
/// A slice is this part of the limit, so that one replica does not sit on what another one needs.
const SLICES: u32 = 10;
/// How long a request waits for a slice.
const PATIENCE: Duration = Duration::from_secs(2);

/// What this replica holds of everybody's budgets.
#[derive(Clone)]
pub struct PgRateLimiter(Arc<Core>);

struct Core {
    pool: PgPool,
    of_minute: Budgets,
    of_hour: Budgets,
    /// The newest minute whose predecessors were deleted.
    swept: AtomicI64,
}

/// How long a budget lasts.
#[derive(Clone, Copy)]
enum Window {
    Minute,
    Hour,
}

impl Window {
    const fn minutes(self) -> i64 {
        match self {
            Self::Minute => 1,
            Self::Hour => 60,
        }
    }
}

type Budgets = Shards<HashMap<String, Budget>>;

#[derive(Default)]
struct Budget {
    slice: Option<Slice>,
    /// The question for the next slice, while it is under way.
    fetch: Option<Fetch>,
}

struct Slice {
    limit: u32,
    left: u32,
    /// Whether the minute or hour has nothing more to give.
    last: bool,
    /// Never later than its end by the database's clock.
    until: Instant,
}

type Fetch = Shared<BoxFuture<'static, bool>>;

enum Step {
    Answer(Result<(), NoBudget>),
    Wait(Fetch),
}

impl PgRateLimiter {
    /// A limiter that holds nothing yet.
    pub fn new(pool: PgPool) -> Self {
        Self(Arc::new(Core { pool, of_minute: Shards::default(), of_hour: Shards::default(), swept: AtomicI64::new(0) }))
    }

    async fn take_of(&self, window: Window, key: &str, limit: u32) -> Result<(), NoBudget> {
        loop {
            match self.step(window, key, limit) {
                Step::Answer(answer) => return answer,
                Step::Wait(fetch) => {
                    if !fetch.await {
                        return Err(NoBudget::Unavailable);
                    }
                }
            }
        }
    }

    fn step(&self, window: Window, key: &str, limit: u32) -> Step {
        let mut budgets = self.0.budgets(window).write(key);
        if let Some(slice) = budgets.get_mut(key).and_then(|budget| budget.slice.as_mut())
            && let Some(answer) = slice.take(limit)
        {
            return Step::Answer(answer);
        }
        let budget = budgets.entry(key.to_owned()).or_default();
        if let Some(fetch) = &budget.fetch {
            return Step::Wait(fetch.clone());
        }
        let fetch = Arc::clone(&self.0).fetch(window, key.to_owned(), limit).boxed().shared();
        budget.fetch = Some(fetch.clone());
        drop(budgets);
        // What the database has given must arrive, though who asked for it may be gone.
        tokio::spawn(fetch.clone());
        Step::Wait(fetch)
    }
}

impl fmt::Debug for PgRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgRateLimiter").finish_non_exhaustive()
    }
}

#[async_trait]
impl RateLimiter for PgRateLimiter {
    async fn take(&self, key: &str, per_minute: u32) -> Result<(), NoBudget> {
        self.take_of(Window::Minute, key, per_minute).await
    }

    async fn take_of_hour(&self, key: &str, per_hour: u32) -> Result<(), NoBudget> {
        self.take_of(Window::Hour, key, per_hour).await
    }
}

impl Slice {
    /// Takes one, or says when there is more; `None` where the database must be asked.
    fn take(&mut self, limit: u32) -> Option<Result<(), NoBudget>> {
        let rest = self.until.saturating_duration_since(Instant::now());
        if rest.is_zero() || self.limit != limit {
            return None;
        }
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            return Some(Ok(()));
        }
        self.last.then_some(Err(NoBudget::UsedUp(rest)))
    }
}

impl Core {
    fn budgets(&self, window: Window) -> &Budgets {
        match window {
            Window::Minute => &self.of_minute,
            Window::Hour => &self.of_hour,
        }
    }

    /// Gets the next slice and puts it where everybody takes from; `false` where the database did not answer.
    async fn fetch(self: Arc<Self>, window: Window, key: String, limit: u32) -> bool {
        let asked_at = Instant::now();
        let wanted = (limit / SLICES).clamp(1, LARGEST_SLICE);
        let answer = timeout(PATIENCE, ask(&self.pool, window, &key, wanted)).await;
        let mut budgets = self.budgets(window).write(key.as_str());
        let budget = budgets.entry(key).or_default();
        budget.fetch = None;
        let (taken, minute, rest) = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(%error, "no slice of a budget could be had");
                return false;
            }
            Err(_) => return false,
        };
        // What went over the limit was not given.
        let before = taken - i64::from(wanted);
        let given = (i64::from(limit) - before).clamp(0, i64::from(wanted));
        let given = u32::try_from(given).expect("no more than was wanted");
        // Counted from before the question was sent: no slice outlives its window.
        let until = asked_at + Duration::try_from_secs_f64(rest).unwrap_or_default();
        budget.slice = Some(Slice { limit, left: given, last: given < wanted, until });
        drop(budgets);
        self.sweep(minute);
        true
    }

    /// Forgets past minutes, once a minute.
    fn sweep(&self, minute: i64) {
        if self.swept.fetch_max(minute, Ordering::Relaxed) >= minute {
            return;
        }
        let now = Instant::now();
        for mut budgets in self.of_minute.each().chain(self.of_hour.each()) {
            budgets.retain(|_, budget| budget.fetch.is_some() || budget.slice.as_ref().is_some_and(|slice| slice.until > now));
        }
        let pool = self.pool.clone();
        tokio::spawn(async move {
            if let Err(error) = sqlx::query("delete from fluxbase.rate_limits where minute < $1").bind(minute).execute(&pool).await {
                tracing::warn!(%error, "past minutes of budgets could not be deleted");
            }
        });
    }
}

/// Takes a slice: how much was taken by everybody, the present minute, and how many seconds are left of the window.
///
/// A row stands under the last minute of its window, so that past ones are told by that alone. Its key is in ASCII: what an address or a token's subject is
/// made of, not every database's encoding has.
async fn ask(pool: &PgPool, window: Window, key: &str, wanted: u32) -> Result<(i64, i64, f64), sqlx::Error> {
    sqlx::query_as(
        "insert into fluxbase.rate_limits as budget (minute, key, taken)
         values ((floor(extract(epoch from now()) / (60 * $3::bigint)) + 1)::bigint * $3::bigint - 1, $1, $2)
         on conflict (minute, key) do update set taken = budget.taken + excluded.taken
         returning taken, floor(extract(epoch from now()) / 60)::bigint, ((budget.minute + 1) * 60 - extract(epoch from now()))::float8",
    )
    .bind(match window {
        Window::Minute => storable(key, Texts::Ascii).into_owned(),
        Window::Hour => format!("hour:{}", storable(key, Texts::Ascii)),
    })
    .bind(i64::from(wanted))
    .bind(window.minutes())
    .fetch_one(pool)
    .await
}

#[cfg(test)]
mod tests {
    use super::Slice;
    use ports::driven::NoBudget;
    use std::time::Duration;
    use tokio::time::{Instant, advance};

    #[tokio::test(start_paused = true)]
    async fn a_slice_is_used_up_and_never_outlives_its_minute() {
        let mut slice = Slice { limit: 10, left: 1, last: true, until: Instant::now() + Duration::from_secs(30) };
        assert_eq!(slice.take(10), Some(Ok(())));
        assert_eq!(slice.take(10), Some(Err(NoBudget::UsedUp(Duration::from_secs(30)))));
        assert_eq!(slice.take(20), None, "another limit is another budget");
        advance(Duration::from_secs(30)).await;
        assert_eq!(slice.take(10), None);
    }
}
