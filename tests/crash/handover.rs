//! One of two servers goes, killed or told to: what it had begun, the other ends.

use crate::{
    life::outcome_at,
    locks::{hold, waited_for},
    world::{ORCHARD, PATIENCE, World},
};
use fluxbase_tests::{Answer, TestServer, eventually};
use nix::sys::signal::Signal;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use sqlx::{Postgres, Transaction};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

const QUOTA: usize = 10;

/// Sends all of these at once: the answers, and `None` for each request whose server went away meanwhile.
fn sent(requests: impl IntoIterator<Item = RequestBuilder>) -> JoinSet<Option<Answer>> {
    let send = async |request: RequestBuilder| Some(Answer::of(request.send().await.ok()?).await);
    requests.into_iter().map(|request| async move { send(request).await }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_branches_asked_of_two_servers_the_quota_is_made_though_one_is_killed() {
    let world =
        World::on_shared_cluster(ORCHARD, |settings| settings.set("branching.max_total_branches", &QUOTA.to_string()).set("branching.workers", "2"))
            .await;
    let mut other = world.replica().await;
    let create = |number: usize| {
        let server = [&world.server, &other][number % 2];
        let mode = if number % 4 < 2 { "full_clone" } else { "schema_only" };
        server.rest(Method::POST, "admin/branches", &server.owner_key()).json(&json!({"name": format!("rush-{number}"), "data_clone_mode": mode}))
    };
    let asked = sent((0..50).map(create));
    // In the midst: some are under way, on both.
    eventually("some are being made", PATIENCE, async || running(&world).await >= 3).await;
    other.kill().await;
    let killed = Instant::now();
    let answers = asked.join_all().await;
    let unheard = answers.iter().filter(|answer| answer.is_none()).count();
    for answer in answers.iter().flatten().filter(|answer| answer.status != 202) {
        assert_eq!(answer.problem(409), "quota_exceeded");
    }
    world.settles().await;
    println!("{unheard} of 50 were not answered; all operations had ended {:.1?} after one server was killed", killed.elapsed());
    let branches = statuses(&world).await;
    assert_eq!(branches.len(), QUOTA, "{branches:?}");
    assert!(branches.values().all(|status| status == "ready"), "{branches:?}\n{}", world.server.stderr());
    for slug in branches.keys() {
        assert!([0, 200].contains(&world.count("trees", slug).await), "{slug}");
    }
    world.holds_just(&branches.keys().map(|slug| (slug.as_str(), 1)).collect::<Vec<_>>()).await;
    world.end().await;
}

async fn running(world: &World) -> i64 {
    sqlx::query_scalar("select count(*) from branching.operations where status = 'running'").fetch_one(&world.pool).await.unwrap()
}

async fn statuses(world: &World) -> BTreeMap<String, String> {
    let found: Vec<(String, String)> = sqlx::query_as("select slug, status from branching.branches where status <> 'deleted' and slug <> 'main'")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    found.into_iter().collect()
}

/// A reset that waits on the first server, and that the first server alone can have begun.
async fn held_reset(world: &World) -> (String, Transaction<'static, Postgres>) {
    world.create("victim").await;
    world.ready("victim").await;
    let holding = hold(&world.pool, "apples").await;
    let operation = world.begin("victim", "reset", &json!({})).await;
    waited_for(&world.pool, "apples", 1).await;
    (operation, holding)
}

/// The other ends what the first had begun.
async fn ends_well_at(other: &TestServer, operation: &str) {
    let outcome = outcome_at(other, &other.owner_key(), operation).await;
    assert_eq!(outcome["status"], "succeeded", "{outcome}\n{}", other.stderr());
}

/// The other goes too, and the first comes back to a branch that is whole.
async fn comes_back(mut world: World, other: TestServer) {
    drop(other);
    world.restart().await;
    world.is_whole("victim").await;
    world.settles().await;
    world.holds_just(&[("victim", 1), ("victim", 2)]).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_server_had_claimed_another_takes_over_at_once() {
    let mut world = World::on_shared_cluster(ORCHARD, |settings| settings).await;
    let (operation, holding) = held_reset(&world).await;
    let other = world.replica().await;
    let claimed = world.fence(&operation).await;
    world.server.kill().await;
    let killed = Instant::now();
    // Long before the lease of 15 s runs out.
    eventually("the other claims it", Duration::from_secs(8), async || world.fence(&operation).await > claimed).await;
    let taken_over = killed.elapsed();
    holding.rollback().await.unwrap();
    ends_well_at(&other, &operation).await;
    println!("taken over {taken_over:.1?} after the kill, done after {:.1?}", killed.elapsed());
    comes_back(world, other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_told_to_go_answers_what_it_has_accepted_and_leaves_the_rest_to_the_other() {
    let mut world = World::on_shared_cluster(ORCHARD, |settings| settings.set("server.shutdown_grace", "30s")).await;
    let (operation, holding) = held_reset(&world).await;
    let other = world.replica().await;
    // These wait for a table, in the midst of being answered.
    let closing = hold(&world.pool, "trees").await;
    let slow = |_| world.server.rest(Method::GET, "tables/trees?limit=1", &world.server.owner_key());
    let slow = sent((0..8).map(slow));
    waited_for(&world.pool, "trees", 4).await;
    let claimed = world.fence(&operation).await;
    world.server.signal(Signal::SIGTERM);
    let told = Instant::now();
    let health = format!("{}/healthz", world.server.url());
    eventually("it accepts nothing more", PATIENCE, async || world.server.http().get(&health).send().await.is_err()).await;
    closing.rollback().await.unwrap();
    let answers = slow.join_all().await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_some_and(|answer| answer.status == 200)), "{answers:?}");
    assert_eq!(world.server.ended().await.code(), Some(0), "{}", world.server.stderr());
    let gone = told.elapsed();
    eventually("the other claims it", Duration::from_secs(8), async || world.fence(&operation).await > claimed).await;
    let taken_over = told.elapsed();
    holding.rollback().await.unwrap();
    ends_well_at(&other, &operation).await;
    println!("gone {gone:.1?} after it was told to, its operation taken over after {taken_over:.1?}");
    comes_back(world, other).await;
}
