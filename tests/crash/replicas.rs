//! Two servers on one database: what one does, the other knows.

use crate::{
    life::at_once,
    world::{ORCHARD, World},
};
use fluxbase_tests::{Answer, TestServer, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn two() -> (World, TestServer) {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings).await;
    let other = world.replica().await;
    (world, other)
}

/// A key bound to no user; tables are open to it where `anon` may read them.
async fn new_key(world: &World, extra: Value) -> (String, String) {
    let mut body = json!({"name": "of this test"});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let answer = world.ask(Method::POST, "admin/api-keys", &body).await;
    assert!(answer.status.is_success(), "{answer:?}");
    let text = |field: &str| answer.json()[field].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_replicas_that_make_the_same_branch_one_wins() {
    let (world, other) = two().await;
    for round in 0..4 {
        let name = format!("twin-{round}");
        let body = json!({"name": name, "data_clone_mode": "schema_only"});
        let (one, two) = (world.server.owner_key(), other.owner_key());
        let (first, second) =
            tokio::join!(world.server.send(Method::POST, "admin/branches", &one, &body), other.send(Method::POST, "admin/branches", &two, &body));
        let (winner, loser) = if first.status == 202 { (first, second) } else { (second, first) };
        assert_eq!(winner.status, 202, "{winner:?}");
        loser.problem(409);
        let found = other.get(&format!("admin/branches/{name}"), &two).await.json();
        assert_eq!(found["id"], winner.json()["branch"]["id"]);
    }
    for round in 0..4 {
        world.ready(&format!("twin-{round}")).await;
    }
    let expected = ["twin-0", "twin-1", "twin-2", "twin-3"].map(|slug| (slug, 1));
    assert_eq!(world.databases().await, world.databases_of(&expected));
    drop(other);
    world.end().await;
}

#[tokio::test]
async fn a_branch_made_and_deleted_on_one_is_routed_and_refused_on_the_other() {
    let (world, other) = two().await;
    let asked = async || {
        let request = other.rest(Method::GET, "tables/trees?select=id&limit=1&branch=shared", &other.owner_key());
        Answer::to(request).await.status.as_u16()
    };
    assert_eq!(asked().await, 404);
    world.create("shared").await;
    world.ready("shared").await;
    eventually("the other serves it", Duration::from_secs(1), async || asked().await == 200).await;
    world.delete("shared").await;
    eventually("the other does not serve it any more", Duration::from_secs(1), async || asked().await != 200).await;
    world.gone("shared").await;
    eventually("the other does not know it any more", Duration::from_secs(1), async || asked().await == 404).await;
    drop(other);
    world.end().await;
}

#[tokio::test]
async fn a_key_revoked_on_one_is_refused_on_the_other_within_a_second() {
    let (world, other) = two().await;
    let (id, key) = new_key(&world, json!({})).await;
    for server in [&world.server, &other] {
        assert_ne!(server.get("tables/trees?limit=1", &key).await.status, 401);
    }
    let revoked = Answer::to(world.server.rest(Method::DELETE, &format!("admin/api-keys/{id}"), &world.server.owner_key())).await;
    assert!(revoked.status.is_success(), "{revoked:?}");
    let begun = Instant::now();
    assert_eq!(world.server.get("tables/trees?limit=1", &key).await.status, 401, "at once where it was revoked");
    eventually("it is refused everywhere", Duration::from_secs(1), async || other.get("tables/trees?limit=1", &key).await.status == 401).await;
    println!("refused on the other replica after {:?}", begun.elapsed());
    drop(other);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_limit_holds_over_both_exactly() {
    const LIMIT: usize = 60;
    let (world, other) = two().await;
    let (_, key) = new_key(&world, json!({"rate_limit": LIMIT})).await;
    // Budgets are of clock minutes: all requests must fall into one.
    eventually("a minute has enough left", Duration::from_mins(1), async || {
        let second: f64 = sqlx::query_scalar("select extract(second from clock_timestamp())::float8").fetch_one(&world.pool).await.unwrap();
        second < 40.0
    })
    .await;
    let read = |number| (if number % 3 == 0 { &other } else { &world.server }).rest(Method::GET, "tables/trees?limit=1", &key);
    let answers = at_once((0..3 * LIMIT).map(read)).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!(answers.len() - refused.len(), LIMIT);
    assert!(refused.iter().all(|answer| answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds <= 60)));
    drop(other);
    world.end().await;
}
