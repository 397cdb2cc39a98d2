//! What is done to a parent while a branch is cut from it.

use crate::{
    life::{ask_of, files},
    locks::{hold, waited_for},
    world::{ORCHARD, PATIENCE, World, run},
};
use fluxbase_tests::eventually;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;

async fn with_parent() -> World {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings.set("database.statement_timeout", "2s").set("branching.workers", "4")).await;
    world.create("parent").await;
    world.ready("parent").await;
    world
}

async fn child_waits(world: &World, inside: &PgPool) -> String {
    let operation = world.begin_create(&json!({"name": "child", "parent": "parent", "data_clone_mode": "full_clone"})).await;
    waited_for(inside, "apples", 1).await;
    operation
}

#[tokio::test]
async fn a_parent_is_not_deleted_from_under_a_child_that_is_being_made() {
    let world = with_parent().await;
    let inside = world.inside("parent", 1).await;
    let holding = hold(&inside, "apples").await;
    let operation = child_waits(&world, &inside).await;
    assert_eq!(ask_of(&world.server, "parent", "delete", &json!({})).await.problem(409), "has_children");
    let refused = ask_of(&world.server, "parent", "delete by force", &json!({})).await;
    assert_eq!(refused.problem(409), "operation_running");
    assert!(refused.body.contains("child"), "{refused:?}");
    holding.rollback().await.unwrap();
    world.succeeded(&operation).await;
    inside.close().await;
    // Nor from under one that is being reset.
    let inside = world.inside("parent", 1).await;
    let holding = hold(&inside, "apples").await;
    let operation = world.begin("child", "reset", &json!({})).await;
    assert_eq!(ask_of(&world.server, "parent", "delete by force", &json!({})).await.problem(409), "operation_running");
    holding.rollback().await.unwrap();
    world.succeeded(&operation).await;
    inside.close().await;

    assert_eq!(ask_of(&world.server, "parent", "delete by force", &json!({})).await.status, 202);
    world.gone("parent").await;
    world.gone("child").await;
    world.settles().await;
    world.holds_just(&[]).await;
    world.end().await;
}

#[tokio::test]
async fn a_parent_dropped_by_hand_meanwhile_fails_the_clone_and_nothing_is_left() {
    let world = with_parent().await;
    let inside = world.inside("parent", 1).await;
    let holding = hold(&inside, "apples").await;
    let operation = child_waits(&world, &inside).await;
    run(&world.pool, &format!("drop database \"{}parent_g1\" with (force)", world.prefix)).await;
    drop(holding);
    let outcome = world.outcome(&operation).await;
    assert_eq!(outcome["status"], "failed", "{outcome}");
    println!("it is told: {}", outcome["error"]);
    assert!(outcome["error"]["message"].as_str().unwrap().contains("parent"), "{outcome}");
    let child = world.branch("child").await;
    assert_eq!((&child["status"], &child["generation"]), (&json!("error"), &Value::Null), "{child}");
    // Waiting would not help: it is no 503.
    let asked = world.server.get("tables/trees?branch=child", &world.server.owner_key()).await;
    assert_eq!(asked.problem(409), "branch_error");
    assert!(asked.json()["detail"].as_str().unwrap().contains("could not be made"), "{asked:?}");
    eventually("nothing is left", PATIENCE, async || world.databases().await.is_empty()).await;
    assert_eq!(ask_of(&world.server, "parent", "delete by force", &json!({})).await.status, 202);
    world.gone("parent").await;
    world.gone("child").await;
    world.holds_just(&[]).await;
    world.end().await;
}

#[tokio::test]
async fn a_parent_that_is_reset_meanwhile_gives_what_it_was_or_what_it_is_afterwards() {
    let world = with_parent().await;
    let inside = world.inside_as_admin("parent", 1).await;
    // It ends at the switch: the child then gets a copy of what it waited for, or of what took its place.
    let holding = hold(&inside, "apples").await;
    let operation = child_waits(&world, &inside).await;
    world.plant(1001, "main").await;
    world.done("parent", "reset", &json!({})).await;
    world.succeeded(&operation).await;
    drop(holding);
    let (parent, child) = (world.count("trees", "parent").await, world.count("trees", "child").await);
    assert!(parent == 201 && [200, 201].contains(&child), "{parent} {child}");
    world.settles().await;
    world.holds_just(&[("child", 1), ("parent", 1), ("parent", 2)]).await;
    world.end().await;
}

#[tokio::test]
async fn a_parent_that_is_migrated_meanwhile_gives_all_of_a_migration_or_nothing() {
    let world = with_parent().await;
    let mut random = StdRng::seed_from_u64(20_261_126);
    let mut all: Vec<(String, String)> = Vec::new();
    let (mut before, mut after) = (0, 0);
    for round in 1..=6_u32 {
        let file = format!(
            "create table public.pears{round} (id int primary key);\ninsert into public.pears{round} select generate_series(1, 10);
             alter table public.trees add c{round} int default {round};\ngrant select on public.pears{round} to service_role"
        );
        all.push((format!("{round}_pears.sql"), file));
        let mode = if round % 2 == 0 { "schema_only" } else { "full_clone" };
        let create = world.begin_create(&json!({"name": "child", "parent": "parent", "data_clone_mode": mode})).await;
        tokio::time::sleep(Duration::from_secs(1).mul_f64(random.random())).await;
        let sent: Vec<_> = all.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect();
        world.done("parent", "migrate", &files(&sent)).await;
        world.succeeded(&create).await;

        let applied = world.branch("child").await["migrations"]["applied"].as_u64().unwrap();
        assert!(applied == u64::from(round) || applied == u64::from(round) - 1, "{applied} of {round}");
        let inside = world.inside("child", 1 + round - 1).await;
        let (tables, columns): (i64, i64) = sqlx::query_as(
            "select (select count(*) from pg_class where relname ~ '^pears[0-9]+$'),
                    (select count(*) from pg_attribute where attrelid = 'public.trees'::regclass and attname ~ '^c[0-9]+$')",
        )
        .fetch_one(&inside)
        .await
        .unwrap();
        assert_eq!((tables, columns), (i64::try_from(applied).unwrap(), i64::try_from(applied).unwrap()), "{mode}");
        if applied > 0 {
            let rows: i64 =
                sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from public.pears{applied}"))).fetch_one(&inside).await.unwrap();
            assert_eq!(rows, if mode == "full_clone" { 10 } else { 0 });
        }
        inside.close().await;
        *(if applied == u64::from(round) { &mut after } else { &mut before }) += 1;
        world.delete("child").await;
        world.gone("child").await;
    }
    println!("{before} clones are of before their parent's migration, {after} of after");
    world.settles().await;
    world.holds_just(&[("parent", 1)]).await;
    world.end().await;
}
