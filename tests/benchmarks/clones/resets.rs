//! A branch that is reset while it is read: what its readers feel, next to those of a branch that is left alone.

use crate::{BoxError, options::Options, report::Report, world::World};
use fluxbase_tests::Answer;
use reqwest::Method;
use sqlx::Executor;
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Readers of each of both branches.
const READERS: usize = 4;
/// What a reader rests between two requests: a machine that is busy to its last would tell of nothing but its own queues.
const REST: Duration = Duration::from_millis(5);

/// Resets one of two branches again and again, while both are read.
pub(crate) async fn compare(world: &World, options: &Options, report: &mut Report) -> Result<(), BoxError> {
    world.pool.execute("create table public.looked_at as select n id, md5(n::text) \"text\" from generate_series(1, 1000) n").await?;
    world.branch("full_clone", None).await?;
    let reset = world.latest();
    world.branch("full_clone", None).await?;
    let untouched = world.latest();

    let (readers, over) = (Readers::default(), AtomicBool::new(false));
    let resets = async {
        let mut outcome = Ok(());
        for _ in 0..options.rounds {
            outcome = world.reset(&reset).await.map(|took| report.add("reset under load", "reset", took));
            if outcome.is_err() {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
        outcome
    };
    let (done, of_reset, of_untouched) = tokio::join!(resets, readers.of(world, &reset, &over), readers.of(world, &untouched, &over));
    done?;
    let (of_reset, of_untouched) = (Latencies::of(of_reset), Latencies::of(of_untouched));
    let failed = readers.failed.load(Ordering::Relaxed);
    for (name, seen) in [("the branch that is reset", &of_reset), ("an untouched branch", &of_untouched)] {
        report.note(format!(
            "reset under load: {name}: {} requests, p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, longest {:.1} ms",
            seen.0.len(),
            seen.at(0.5),
            seen.at(0.99),
            seen.at(0.999),
            seen.at(1.0)
        ));
    }
    report.note(format!("reset under load: {failed} failed requests; p99.9 differs by {:.1} ms", of_reset.at(0.999) - of_untouched.at(0.999)));
    Ok(())
}

#[derive(Default)]
struct Readers {
    failed: AtomicU64,
}

impl Readers {
    /// Reads ten rows of a branch again and again; tells how long each took.
    async fn of(&self, world: &World, slug: &str, over: &AtomicBool) -> Vec<Duration> {
        let one = || async {
            let mut seen = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let asked = world.server.rest(Method::GET, "tables/looked_at?select=id,text&order=id&limit=10", &world.server.owner_key());
                let answer = Answer::to(asked.header("X-Fluxbase-Branch", slug)).await;
                seen.push(begun.elapsed());
                if answer.status != 200 {
                    eprintln!("{slug}: {answer:?}");
                    self.failed.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(REST).await;
            }
            seen
        };
        futures_util::future::join_all((0..READERS).map(|_| one())).await.concat()
    }
}

/// In order.
struct Latencies(Vec<Duration>);

impl Latencies {
    fn of(mut seen: Vec<Duration>) -> Self {
        seen.sort_unstable();
        Self(seen)
    }

    /// Milliseconds that this share of all requests did not exceed.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list that is not that long"
    )]
    fn at(&self, share: f64) -> f64 {
        let place = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(place.clamp(1, self.0.len().max(1)) - 1).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0)
    }
}
