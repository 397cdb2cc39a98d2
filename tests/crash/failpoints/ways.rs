//! The ways into each operation, and what must be there after its crash.

use crate::{
    life::{ask_of, files},
    reader::Reader,
    world::{ORCHARD, PATIENCE, World},
};
use fluxbase_tests::{ServerSettings, eventually};
use serde_json::{Value, json};
use std::{os::unix::process::ExitStatusExt, time::Duration};

/// An operation that a dead server held is taken over at once: nobody waits for its lease of 15 seconds.
const TAKEN_OVER: Duration = Duration::from_secs(12);

/// Not to be run twice, and not to be run by halves.
const MIGRATION: &str =
    "create table public.pears (id int primary key);\ninsert into public.pears values (1);\nalter table public.trees add ripe boolean";

pub(super) async fn create(place: &str) {
    let mut world = crashing_at(place).await;
    world.create("victim").await;
    crash(&mut world).await;
    world.ready("victim").await;
    world.is_whole("victim").await;
    world.holds_just(&[("victim", 1)]).await;
    world.end().await;
}

/// The second branch without rows is handed over and not built.
pub(super) async fn from_stock(place: &str) {
    let mut world = crashing_at(place).await;
    world.create_with(&json!({"name": "first", "data_clone_mode": "schema_only"})).await;
    world.ready("first").await;
    eventually("a spare lies ready", PATIENCE, async || world.stock().await.iter().any(|name| name.starts_with("fluxbase_spare_"))).await;
    world.create_with(&json!({"name": "victim", "data_clone_mode": "schema_only"})).await;
    crash(&mut world).await;
    world.ready("victim").await;
    assert_eq!((world.count("trees", "victim").await, world.count("trees", "main").await), (0, 200));
    world.plant(1, "victim").await;
    assert_eq!((world.count("trees", "victim").await, world.count("trees", "first").await), (1, 0));
    world.holds_just(&[("first", 1), ("victim", 1)]).await;
    world.end().await;
}

pub(super) async fn seeded(place: &str) {
    let mut world = crashing_at(place).await;
    world.create_with(&json!({"name": "victim", "data_clone_mode": "seed_data"})).await;
    crash(&mut world).await;
    world.ready("victim").await;
    // Once, however often they were begun.
    assert_eq!(world.count("trees", "victim").await, 1);
    world.holds_just(&[("victim", 1)]).await;
    world.end().await;
}

pub(super) async fn delete(place: &str) {
    let mut world = crashing_at(place).await;
    world.create("victim").await;
    world.ready("victim").await;
    // What a reset replaced goes too, and so does the branch's own login.
    world.done("victim", "reset", &json!({})).await;
    connect(&world).await;
    // Somebody is connected: the branch's pools are open.
    world.is_whole("victim").await;
    world.delete("victim").await;
    crash(&mut world).await;
    world.gone("victim").await;
    world.holds_just(&[]).await;
    // The slug is free, and the name of the old database is not used again.
    world.create("victim").await;
    world.ready("victim").await;
    world.holds_just(&[("victim", 3)]).await;
    world.end().await;
}

/// The branch has 201 trees, its parent 202: a read tells by their number which generation it got.
pub(super) async fn reset(place: &str) {
    let mut world = crashing_at(place).await;
    let seeded = place.starts_with("seed.");
    if seeded {
        world.create_with(&json!({"name": "victim", "data_clone_mode": "seed_data"})).await;
    } else {
        world.create("victim").await;
    }
    world.ready("victim").await;
    world.plant(1001, "victim").await;
    let (old, new) = if seeded { (2, 1) } else { (201, 202) };
    world.plant(1002, "main").await;
    world.plant(1003, "main").await;

    let reader = Reader::of(&world.server, "victim");
    eventually("somebody reads", PATIENCE, async || reader.last().is_some()).await;
    world.begin("victim", "reset", &json!({})).await;
    crash(&mut world).await;
    let before = reader.stop().await;
    let reader = Reader::of(&world.server, "victim");
    world.ready("victim").await;
    eventually("the new generation is read", PATIENCE, async || reader.last() == Some(new)).await;
    let after = reader.stop().await;

    let switched = place.starts_with("switch.after");
    assert!(before.refused.is_empty() && after.refused.is_empty(), "{before:?} {after:?}");
    assert!(before.counts == [old] || (switched && before.counts == [old, new]), "{before:?}");
    assert!(after.counts == [old, new] || after.counts == [new], "{after:?}");
    if switched {
        assert_eq!(after.counts, [new]);
    }
    // What it replaced is kept.
    world.holds_just(&[("victim", 1), ("victim", 2)]).await;
    world.done("victim", "undo", &json!({})).await;
    assert_eq!(world.count("trees", "victim").await, old);
    world.settles().await;
    world.holds_just(&[("victim", 1)]).await;
    world.end().await;
}

pub(super) async fn undo(place: &str) {
    let mut world = that_was_reset(place).await;
    world.begin("victim", "undo", &json!({})).await;
    crash(&mut world).await;
    world.ready("victim").await;
    assert_eq!(world.count("trees", "victim").await, 201);
    assert_eq!(world.branch("victim").await["previous"], Value::Null);
    world.settles().await;
    world.holds_just(&[("victim", 1)]).await;
    world.end().await;
}

pub(super) async fn discard(place: &str) {
    let mut world = that_was_reset(place).await;
    world.done("victim", "undo", &json!({})).await;
    // It comes by itself, when requests that began before the switch have ended.
    crash(&mut world).await;
    assert_eq!(world.count("trees", "victim").await, 201);
    world.settles().await;
    assert_eq!(world.status("victim").await.as_deref(), Some("ready"));
    assert_eq!(world.count("trees", "victim").await, 201);
    world.holds_just(&[("victim", 1)]).await;
    world.end().await;
}

pub(super) async fn migrate(place: &str) {
    let mut world = crashing_at(place).await;
    world.create("victim").await;
    world.ready("victim").await;
    let operation = world.begin("victim", "migrate", &files(&[("1_pears.sql", MIGRATION)])).await;
    crash(&mut world).await;
    assert_eq!(world.outcome(&operation).await["status"], "succeeded");
    world.is_whole("victim").await;
    eventually("the new table is served", PATIENCE, async || {
        world.server.get("tables/pears?branch=victim", &world.server.owner_key()).await.status == 200
    })
    .await;
    assert_eq!(world.count("pears", "victim").await, 1);
    let branch = world.branch("victim").await;
    assert_eq!((&branch["status"], &branch["migrations"]["applied"], &branch["migrations"]["drift"]), (&json!("ready"), &json!(1), &json!(false)));
    world.holds_just(&[("victim", 1)]).await;
    world.end().await;
}

pub(super) async fn seed(place: &str) {
    let mut world = crashing_at(place).await;
    world.create_with(&json!({"name": "victim", "data_clone_mode": "schema_only"})).await;
    world.ready("victim").await;
    let operation = world.begin("victim", "seed", &json!({})).await;
    crash(&mut world).await;
    let outcome = world.outcome(&operation).await;
    assert_eq!((&outcome["status"], &outcome["result"]["files"][0]["name"]), (&json!("succeeded"), &json!("1_trees.sql")), "{outcome}");
    assert_eq!((world.count("trees", "victim").await, &world.branch("victim").await["status"]), (1, &json!("ready")));
    // A second time it is left out: its row would be there twice.
    let again = world.begin("victim", "seed", &json!({})).await;
    let outcome = world.outcome(&again).await;
    assert_eq!((&outcome["status"], &outcome["result"]["files"][0]["unchanged"]), (&json!("succeeded"), &json!(true)), "{outcome}");
    // Its log is of rows, and does not come along without them.
    world.create_with(&json!({"name": "child", "parent": "victim", "data_clone_mode": "schema_only"})).await;
    world.ready("child").await;
    let operation = world.begin("child", "seed", &json!({})).await;
    let outcome = world.outcome(&operation).await;
    assert_eq!(outcome["result"]["files"][0]["unchanged"], false, "{outcome}");
    assert_eq!(world.count("trees", "child").await, 1);
    world.holds_just(&[("victim", 1), ("child", 1)]).await;
    world.end().await;
}

pub(super) async fn dry_run(place: &str) {
    let mut world = crashing_at(place).await;
    world.create("victim").await;
    world.ready("victim").await;
    let mut body = files(&[("1_pears.sql", MIGRATION)]);
    body["dry_run"] = json!(true);
    let operation = world.begin("victim", "migrate", &body).await;
    crash(&mut world).await;
    let outcome = world.outcome(&operation).await;
    assert_eq!(outcome["status"], "succeeded", "{outcome}");
    assert_eq!(outcome["result"]["files"][0]["name"], "1_pears.sql", "{outcome}");
    nothing_was_tried_on_it(&world).await;
    world.end().await;
}

pub(super) async fn prove(place: &str) {
    let mut world = crashing_at(place).await;
    world.create("victim").await;
    world.ready("victim").await;
    world.on_main("create table public.plums (id int primary key)").await;
    let operation = world.begin("main", "diff", &json!({"target": "victim"})).await;
    crash(&mut world).await;
    let outcome = world.outcome(&operation).await;
    assert_eq!((&outcome["status"], &outcome["result"]["proved"]), (&json!("succeeded"), &json!(true)), "{outcome}");
    nothing_was_tried_on_it(&world).await;
    world.end().await;
}

/// Copies that things were tried on are gone, and the branch is what it was.
async fn nothing_was_tried_on_it(world: &World) {
    world.is_whole("victim").await;
    assert_eq!(world.branch("victim").await["migrations"]["applied"], 0);
    world.holds_just(&[("victim", 1)]).await;
    let stock = world.stock().await;
    assert!(!stock.iter().any(|name| name.starts_with("fluxbase_trial_")), "{stock:?}");
}

/// A branch with 201 trees of its own, reset to 200.
async fn that_was_reset(place: &str) -> World {
    let world = crashing_at(place).await;
    world.create("victim").await;
    world.ready("victim").await;
    world.plant(1001, "victim").await;
    world.done("victim", "reset", &json!({})).await;
    assert_eq!(world.count("trees", "victim").await, 200);
    world
}

/// Gives the branch a login of its own.
async fn connect(world: &World) {
    let answer = ask_of(&world.server, "victim", "connection", &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn crashing_at(place: &str) -> World {
    // What a reset replaced is discarded some time after the longest statement has ended.
    let settings = |settings: ServerSettings| settings.variable("FLUXBASE_FAILPOINT", place).set("database.statement_timeout", "2s");
    World::on_shared_cluster(ORCHARD, settings).await
}

async fn crash(world: &mut World) {
    let healthy = format!("{}/healthz", world.server.url());
    eventually("the server aborts", PATIENCE, async || world.server.http().get(&healthy).send().await.is_err()).await;
    let status = world.server.ended().await;
    assert_eq!(status.signal(), Some(nix::libc::SIGABRT), "{status}");
    world.restart().await;
    eventually("what was begun is taken over", TAKEN_OVER, async || {
        let orphaned: i64 = sqlx::query_scalar(
            "select count(*) from branching.operations where finished_at is null and (fence = 1 or fence = 0 and kind <> 'discard_generation')",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        orphaned == 0
    })
    .await;
}
