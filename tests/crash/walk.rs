//! A random walk of operations, writes and crashes, held against a small model after every step.

mod model;
mod step;

use crate::world::{ORCHARD, World, number};
use model::Model;
use rand::{SeedableRng, rngs::StdRng};
use std::collections::BTreeMap;

/// `FLUXBASE_TEST_STEPS` steps, 25 when not set; `FLUXBASE_TEST_SEED` repeats a walk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_in_whatever_order_the_branches_are_what_they_should_be() {
    let (steps, seed) = (number("FLUXBASE_TEST_STEPS", 25), number("FLUXBASE_TEST_SEED", 20_261_126));
    let mut random = StdRng::seed_from_u64(seed);
    let change = |settings: fluxbase_tests::ServerSettings| settings.set("database.statement_timeout", "2s").set("branching.max_total_branches", "6");
    let mut world = World::on_shared_cluster(ORCHARD, change).await;
    let mut model = Model::of_the_orchard();
    let mut tally: BTreeMap<String, u32> = BTreeMap::new();
    for number in 0..steps {
        let told = step::take(&mut world, &mut model, &mut random).await;
        println!("step {number}: {told}");
        *tally.entry(told.split_whitespace().next().unwrap().to_owned()).or_default() += 1;
        model.holds(&world, &format!("seed {seed}, step {number}: {told}")).await;
    }
    println!("{steps} steps (seed {seed}): {tally:?}");
    world.settles().await;
    model.holds_without_remains(&world).await;
    world.end().await;
}
