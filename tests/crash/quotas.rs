//! Limits that hold however many requests come at once.

use crate::{
    life::at_once,
    world::{ORCHARD, World},
};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_branches_at_once_exactly_the_quota_is_made() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings.set("branching.max_total_branches", "10").set("branching.workers", "4")).await;
    let key = world.server.owner_key();
    let create = |number| {
        let body = json!({"name": format!("rush-{number}"), "data_clone_mode": "schema_only"});
        world.server.rest(Method::POST, "admin/branches", &key).json(&body)
    };
    let answers = at_once((0..20).map(create)).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 202);
    assert_eq!((made.len(), refused.len()), (10, 10));
    for answer in refused {
        assert_eq!(answer.problem(409), "quota_exceeded");
    }
    let slugs: Vec<String> = made.iter().map(|answer| answer.json()["branch"]["slug"].as_str().unwrap().to_owned()).collect();
    for slug in &slugs {
        world.ready(slug).await;
    }
    assert_eq!(world.databases().await, world.databases_of(&slugs.iter().map(|slug| (slug.as_str(), 1)).collect::<Vec<_>>()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_branches_at_once_on_two_replicas_exactly_the_quota_is_made() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings.set("branching.max_total_branches", "10")).await;
    let other = world.replica().await;
    let create = |number: usize, body: &Value| {
        let server = [&world.server, &other][number % 2];
        server.rest(Method::POST, "admin/branches", &server.owner_key()).json(body)
    };
    let rush = |number| create(number, &json!({"name": format!("rush-{number}"), "data_clone_mode": "schema_only"}));
    let answers = at_once((0..50).map(rush)).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 202);
    assert_eq!((made.len(), refused.len()), (10, 40));
    assert!(refused.iter().all(|answer| answer.problem(409) == "quota_exceeded"));
    let slugs: Vec<String> = made.iter().map(|answer| answer.json()["branch"]["slug"].as_str().unwrap().to_owned()).collect();
    for slug in &slugs {
        world.ready(slug).await;
    }
    world.holds_just(&slugs.iter().map(|slug| (slug.as_str(), 1)).collect::<Vec<_>>()).await;
    // One that goes makes room for one.
    world.delete(&slugs[0]).await;
    world.gone(&slugs[0]).await;
    let late = at_once((0..6).map(|number| create(number, &json!({"name": format!("late-{number}")})))).await;
    assert_eq!(late.iter().filter(|answer| answer.status == 202).count(), 1, "{late:?}");
    world.settles().await;
    drop(other);
    world.end().await;
}
