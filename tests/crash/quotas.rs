//! Limits that hold however many requests come at once.

use crate::{
    life::at_once,
    world::{ORCHARD, World, run},
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_proofs_and_dry_runs_at_once_on_two_replicas_three_begin() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings).await;
    world.create_with(&json!({"name": "victim", "data_clone_mode": "schema_only"})).await;
    world.ready("victim").await;
    // Nobody gets at what is asked for from now on.
    run(
        &world.pool,
        "create function public.later() returns trigger language plpgsql as 'begin new.run_after := ''infinity''; return new; end';
         create trigger later before insert on branching.operations for each row execute function public.later()",
    )
    .await;
    let other = world.replica().await;
    let ask = |number: usize| {
        let server = [&world.server, &other][number % 2];
        let files = json!([{"name": "1_pears.sql", "sql": "create table public.pears (id int)"}]);
        let (way, body) = [("diff", json!({})), ("migrate", json!({"dry_run": true, "files": files}))][number / 2 % 2].clone();
        server.rest(Method::POST, &format!("admin/branches/victim/{way}"), &world.server.owner_key()).json(&body)
    };
    let answers = at_once((0..16).map(ask)).await;
    let (begun, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 202);
    assert_eq!((begun.len(), refused.len()), (3, 13), "{answers:?}");
    assert!(refused.iter().all(|answer| answer.problem(409) == "too_many_trials"), "{refused:?}");
    // One that ends makes room for one.
    let operation = begun[0].json()["operation"]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.ask(Method::POST, &format!("admin/operations/{operation}/cancel"), &json!({})).await.status, 202);
    assert_eq!(at_once((0..4).map(ask)).await.iter().filter(|answer| answer.status == 202).count(), 1);
    drop(other);
    world.end().await;
}
