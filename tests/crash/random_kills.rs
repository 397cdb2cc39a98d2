//! `kill -9` of the server and its PostgreSQL at any moment of a create or a delete.

use crate::world::{World, number};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};

/// Large enough that a clone takes as long as the delays.
const SCHEMA: &str = "
    create table public.trees (id int primary key, kind text not null);
    create table public.apples (id int primary key, tree_id int not null references public.trees (id), weight numeric not null);
    insert into public.trees select n, 'kind ' || n % 7 from generate_series(1, 2000) n;
    insert into public.apples select n, 1 + n % 2000, n * 0.5 from generate_series(1, 150000) n;
    create index on public.apples (weight);
    create index on public.apples (tree_id, weight);
    grant select, insert, update, delete on all tables in schema public to service_role";

/// What killing it taught.
#[derive(Debug, Default)]
struct Figures {
    creates: u32,
    deletes: u32,
    unheard: u32,
    restarts: Vec<Duration>,
    settled: Vec<Duration>,
}

/// `FLUXBASE_TEST_KILLS` rounds, 15 when not set; `FLUXBASE_TEST_SEED` repeats a run's delays.
#[tokio::test]
async fn a_server_killed_at_any_moment_finishes_what_it_had_promised() {
    let (rounds, seed) = (number("FLUXBASE_TEST_KILLS", 15), number("FLUXBASE_TEST_SEED", 20_261_126));
    let mut random = StdRng::seed_from_u64(seed);
    let mut world = World::embedded(SCHEMA).await;
    let mut figures = Figures::default();
    let mut generation = 0;
    for round in 0..rounds {
        // From nothing to three seconds, most of them while the work is under way.
        let delay = Duration::from_secs(3).mul_f64(random.random::<f64>().powi(3));
        let told = format!("seed {seed}, round {round}, killed after {delay:?}");
        let creating = world.status("victim").await.is_none();
        let promised = ask_and_kill(&mut world, creating, delay).await;
        *(if creating { &mut figures.creates } else { &mut figures.deletes }) += 1;
        figures.unheard += u32::from(!promised);

        let begun = Instant::now();
        world.restart().await;
        figures.restarts.push(begun.elapsed());
        let begun = Instant::now();
        world.settles().await;
        let status = world.status("victim").await;
        figures.settled.push(begun.elapsed());
        if creating && status.is_some() {
            generation = last_generation(&world).await;
        }
        if promised {
            assert_eq!(status.as_deref(), creating.then_some("ready"), "{told}\n{}", world.server.stderr());
        }
        let expected = match status {
            Some(_) => {
                assert_eq!((world.count("trees", "victim").await, world.count("apples", "victim").await), (2000, 150_000), "{told}");
                world.databases_of(&[("victim", generation)])
            }
            None => world.databases_of(&[]),
        };
        assert_eq!(world.databases().await, expected, "{told}");
    }
    let Figures { creates, deletes, unheard, restarts, settled } = figures;
    println!(
        "{rounds} kills (seed {seed}): {creates} of a create, {deletes} of a delete, {unheard} before the answer was there; restart {}, then to the end {}",
        spread(restarts),
        spread(settled)
    );
}

/// Whether the request was answered, with 202, before the server was killed.
async fn ask_and_kill(world: &mut World, creating: bool, delay: Duration) -> bool {
    let key = world.server.owner_key();
    let request = if creating {
        let body = json!({"name": "victim", "data_clone_mode": "full_clone"});
        world.server.rest(Method::POST, "admin/branches", &key).json(&body)
    } else {
        world.server.rest(Method::DELETE, "admin/branches/victim", &key)
    };
    let asked = tokio::spawn(request.send());
    tokio::time::sleep(delay).await;
    world.server.kill().await;
    match asked.await.expect("asking does not panic") {
        Ok(response) => {
            assert_eq!(response.status(), 202);
            true
        }
        Err(_) => false,
    }
}

async fn last_generation(world: &World) -> u32 {
    let last: i32 = sqlx::query_scalar("select last from branching.generations where slug = 'victim'").fetch_one(&world.pool).await.unwrap();
    u32::try_from(last).unwrap()
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default();
    format!("median {:.1?}, p95 {:.1?}, max {:.1?}", at(50), at(95), at(100))
}
