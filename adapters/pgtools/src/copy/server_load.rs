//! What else the server has to do: while it is busy, a copy rests again and again, so that its users have the machine to themselves in between.
//!
//! PostgreSQL knows no priorities, and those of the operating system would let a copy hold a lock that everybody waits for and not run. To rest works with
//! every server, wherever it is.

use crate::{error::from_sql, settings::Settings, stock::Kind};
use domain::branch::DatabaseName;
use ports::driven::BuildError;
use std::{
    collections::VecDeque,
    convert::Infallible,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

/// How often it is looked. Sessions tell what they did once a second.
const LOOK: Duration = Duration::from_millis(100);

/// Over how long it is averaged.
const WINDOW: Duration = Duration::from_secs(2);

/// Statements at work, on average and for each core of this machine (the server's are not known), from which on the server is busy.
const BUSY: f64 = 0.25;

/// Within this time a session that is closed has told what it did.
const FAREWELL: Duration = Duration::from_millis(300);

/// For each moment of work one of rest: the users of a server that is half busy find one at rest as often as not.
const REST: f64 = 1.0;

/// After a statement that took very long.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// What is known, for whoever works and for whoever looks.
#[derive(Default)]
struct Seen {
    busy: AtomicBool,
    /// What was seen so far says nothing any more.
    outdated: AtomicBool,
}

/// Looks until it is dropped.
pub(crate) struct Load {
    seen: Arc<Seen>,
    _looking: Option<AbortOnDropHandle<()>>,
}

impl Load {
    /// Begins to look at what the server does besides filling the `target`.
    pub(crate) fn watch(settings: &Settings, target: &DatabaseName) -> Self {
        let seen = Arc::new(Seen::default());
        let (settings, target, told) = (settings.clone(), target.clone(), Arc::clone(&seen));
        let looking = tokio::spawn(async move {
            let Err(error) = look(&settings, &target, &told).await;
            // The copy goes on as if nobody else were there.
            tracing::info!(%error, "what else the server does is not known");
            told.busy.store(false, Ordering::Relaxed);
        });
        Self { seen, _looking: Some(AbortOnDropHandle::new(looking)) }
    }

    /// Looks at nothing, and so never rests.
    pub(crate) fn unknown() -> Self {
        Self { seen: Arc::new(Seen::default()), _looking: None }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.seen.busy.load(Ordering::Relaxed)
    }

    /// Tells that the copy's readers in the parent have been closed. A session adds to the statistics when it ends all that it did, so these rise at once by what the
    /// copy itself read. That is no work of others, and what was seen so far is forgotten.
    pub(crate) fn readers_are_gone(&self) {
        self.seen.outdated.store(true, Ordering::Relaxed);
    }

    /// To be awaited between two pieces of work.
    pub(crate) async fn rest_after(&self, work: Duration) {
        if self.is_busy() {
            sleep(work.mul_f64(REST).min(LONGEST_REST)).await;
        }
    }
}

/// `active_time` is there for every login to see, unlike what others do right now. A copy's own readers are not in it while they read: a session tells at
/// the end of its transaction.
async fn look(settings: &Settings, target: &DatabaseName, seen: &Seen) -> Result<Infallible, BuildError> {
    let mut admin = settings.admin().await?;
    let cores = u32::try_from(std::thread::available_parallelism().map_or(1, NonZeroUsize::get)).unwrap_or(u32::MAX);
    // What our own copies do for the stock is no reason to rest for each other.
    let stock = Kind::ALL.map(|kind| kind.prefix(settings.instance));
    let mut window = Window::default();
    loop {
        if seen.outdated.swap(false, Ordering::Relaxed) {
            window = Window::default();
            sleep(FAREWELL).await;
        }
        let active: f64 = sqlx::query_scalar(
            "select coalesce(sum(active_time), 0) from pg_stat_database
              where datname is distinct from $1 and not exists (select from unnest($2::text[]) stock where starts_with(datname, stock))",
        )
        .bind(target.as_str())
        .bind(&stock)
        .fetch_one(&mut admin)
        .await
        .map_err(|error| from_sql("looking what else the server does", error))?;
        window.add(Instant::now(), active / 1000.0);
        if let Some(at_work) = window.at_work() {
            let busy = at_work >= BUSY * f64::from(cores);
            if seen.busy.swap(busy, Ordering::Relaxed) != busy {
                tracing::debug!(at_work, busy, "what else the server does");
            }
        }
        sleep(LOOK).await;
    }
}

/// What was seen lately: when, and for how many seconds statements had been at work in all.
#[derive(Default)]
struct Window(VecDeque<(Instant, f64)>);

impl Window {
    fn add(&mut self, at: Instant, active: f64) {
        while self.0.front().is_some_and(|(first, _)| at - *first > WINDOW) {
            self.0.pop_front();
        }
        self.0.push_back((at, active));
    }

    /// Statements at a time, on average; `None` after a single look. Statistics that were reset in between count as none.
    fn at_work(&self) -> Option<f64> {
        let ((from, before), (to, now)) = (self.0.front()?, self.0.back()?);
        (to > from).then(|| ((now - before) / (*to - *from).as_secs_f64()).max(0.0))
    }
}

#[cfg(test)]
impl Load {
    /// Whose server does as it is told here.
    pub(crate) fn told(busy: bool) -> Self {
        let seen = Seen { busy: AtomicBool::new(busy), ..Seen::default() };
        Self { seen: Arc::new(seen), _looking: None }
    }
}

#[cfg(test)]
mod tests {
    use super::{Load, Window};
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn the_average_is_of_the_last_seconds() {
        let (begun, mut window) = (Instant::now(), Window::default());
        let mut after = |seconds: f64, active: f64| {
            window.add(begun + Duration::from_secs_f64(seconds), active);
            window.at_work()
        };
        assert_eq!(after(0.0, 100.0), None, "one look says nothing");
        assert_eq!(after(0.5, 101.0), Some(2.0));
        assert_eq!(after(1.0, 101.0), Some(1.0));
        assert_eq!(after(10.0, 101.0), None, "what is long past does not count");
        assert_eq!(after(11.0, 0.0), Some(0.0), "statistics were reset");
    }

    #[tokio::test(start_paused = true)]
    async fn who_disturbs_nobody_does_not_rest() {
        let rested = async |busy: bool, work: u64| {
            let begun = Instant::now();
            Load::told(busy).rest_after(Duration::from_millis(work)).await;
            begun.elapsed().as_millis()
        };
        assert_eq!(rested(false, 300).await, 0);
        assert_eq!(rested(true, 300).await, 300);
        assert_eq!(rested(true, 600_000).await, 10_000);
    }
}
