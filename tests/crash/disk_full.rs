//! A disk that runs full while branches are made: on a small file system of its own, mounted where PostgreSQL keeps its databases.

use crate::{
    life::ask_of,
    locks::{hold, waited_for},
    small_disk::{MEGABYTE, SmallDisk},
    world::{PATIENCE, World},
};
use fluxbase_tests::eventually;
use serde_json::{Value, json};
use std::fs;

/// About forty megabytes of apples.
const SCHEMA: &str = "
    create table public.trees (id int primary key, kind text not null);
    create table public.apples (id int primary key, filler text not null);
    insert into public.trees select n, 'kind ' || n % 7 from generate_series(1, 200) n;
    insert into public.apples select n, repeat('x', 1000) from generate_series(1, 35000) n;
    grant select, insert, update, delete on all tables in schema public to service_role";

/// A server whose databases lie on a disk with that much room beside them.
async fn on_small_disk(room: u64, below: &str) -> Option<(SmallDisk, World)> {
    let mut world = World::embedded_with(SCHEMA, |settings| settings.set("database.statement_timeout", "2s")).await;
    sqlx::query("checkpoint").execute(&world.pool).await.unwrap();
    world.pool.close().await;
    world.server.stop().await;
    let disk = SmallDisk::over(&world.server.data_dir().join(below), room)?;
    world.restart().await;
    Some((disk, world))
}

async fn is_whole(world: &World, branch: &str) {
    assert_eq!((world.count("trees", branch).await, world.count("apples", branch).await), (200, 35_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_that_runs_out_of_disk_is_tried_again_then_told_and_leaves_nothing() {
    let Some((disk, mut world)) = on_small_disk(40 * MEGABYTE, "postgres/base").await else { return };
    let before = disk.used();
    let operation = world.begin_create(&json!({"name": "big", "data_clone_mode": "full_clone"})).await;
    let mut troubles = Vec::new();
    eventually("the clone is given up", PATIENCE * 2, async || {
        let outcome = world.server.get(&format!("admin/operations/{operation}"), &world.server.owner_key()).await.json();
        if let Some(message) = outcome["error"]["message"].as_str()
            && troubles.last().is_none_or(|last| last != message)
        {
            troubles.push(message.to_owned());
        }
        !outcome["finished_at"].is_null()
    })
    .await;
    let outcome = world.outcome(&operation).await;
    println!("it is told: {}; what was seen meanwhile: {troubles:?}", outcome["error"]);
    assert_eq!(outcome["status"], "failed");
    let told = outcome["error"]["message"].as_str().unwrap();
    assert!(told.contains("No space left on device") && told.contains("53100") && told.contains("branching.disk_budget"), "{told}");
    // Somebody else's rows may have gone meanwhile: it is tried some times.
    let failures: i32 =
        sqlx::query_scalar("select failures from branching.operations where id = $1::uuid").bind(&operation).fetch_one(&world.pool).await.unwrap();
    assert!(failures >= 4, "{failures}");
    let branch = world.branch("big").await;
    assert_eq!((&branch["status"], &branch["generation"]), (&json!("error"), &Value::Null), "{branch}");
    assert!(branch["error"].as_str().unwrap().contains("No space left on device"), "{branch}");
    world.holds_just(&[]).await;
    is_whole(&world, "main").await;
    // Files of dropped databases go at the next checkpoint.
    sqlx::query("checkpoint").execute(&world.pool).await.unwrap();
    eventually("its room is free again", PATIENCE, async || disk.used() < before + 10 * MEGABYTE).await;

    // With more room the same branch is built after all.
    disk.grow(80 * MEGABYTE);
    world.done("big", "reset", &json!({})).await;
    is_whole(&world, "big").await;
    let generation = u32::try_from(world.branch("big").await["generation"].as_u64().unwrap()).unwrap();
    world.holds_just(&[("big", generation)]).await;

    // A reset that runs out of disk costs nothing that serves.
    let filler = disk.fill_but(30 * MEGABYTE);
    let operation = world.begin("big", "reset", &json!({})).await;
    let outcome = world.outcome(&operation).await;
    assert_eq!(outcome["status"], "failed", "{outcome}");
    let branch = world.branch("big").await;
    assert_eq!((&branch["status"], &branch["generation"]), (&json!("error"), &json!(generation)), "{branch}");
    is_whole(&world, "big").await;
    world.holds_just(&[("big", generation)]).await;
    // In time: a try finds room again.
    let operation = world.begin("big", "reset", &json!({})).await;
    eventually("it has run out once", PATIENCE, async || {
        let failures: i32 = sqlx::query_scalar("select failures from branching.operations where id = $1::uuid")
            .bind(&operation)
            .fetch_one(&world.pool)
            .await
            .unwrap();
        failures > 0
    })
    .await;
    fs::remove_file(&filler).unwrap();
    world.succeeded(&operation).await;
    is_whole(&world, "big").await;
    assert_eq!(ask_of(&world.server, "big", "delete", &json!({})).await.status, 202);
    world.gone("big").await;
    world.settles().await;
    world.holds_just(&[]).await;
    world.server.kill().await;
    drop(disk);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_that_cannot_fit_is_refused_before_it_fills_the_disk() {
    // Half a gigabyte is left to PostgreSQL itself; of what remains the clone would take more than there is.
    let Some((disk, mut world)) = on_small_disk(532 * MEGABYTE, "postgres").await else { return };
    let before = disk.used();
    let operation = world.begin_create(&json!({"name": "big", "data_clone_mode": "full_clone"})).await;
    let outcome = world.outcome(&operation).await;
    println!("it is told: {}", outcome["error"]);
    assert_eq!((&outcome["status"], &outcome["error"]["code"]), (&json!("failed"), &json!("no_room")), "{outcome}");
    assert!(disk.used() < before + 20 * MEGABYTE, "{} after {before}", disk.used());
    world.holds_just(&[]).await;
    is_whole(&world, "main").await;
    world.server.kill().await;
    drop(disk);
}

/// A server whose write-ahead log lies on a disk with that much room beside it, and should become no longer than 64 MB.
async fn with_log_on_small_disk(room: u64) -> Option<(SmallDisk, World)> {
    let (disk, world) = on_small_disk(room, "postgres/pg_wal").await?;
    for sql in ["alter system set max_wal_size = '64MB'", "select pg_reload_conf()"] {
        sqlx::query(sql).execute(&world.pool).await.unwrap();
    }
    Some((disk, world))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_whose_log_cannot_fit_is_refused_before_postgresql_stops() {
    let Some((disk, mut world)) = with_log_on_small_disk(20 * MEGABYTE).await else { return };
    let before = world.server.postgres_pid();
    let operation = world.begin_create(&json!({"name": "big", "data_clone_mode": "full_clone"})).await;
    let outcome = world.outcome(&operation).await;
    println!("it is told: {}", outcome["error"]);
    assert_eq!((&outcome["status"], &outcome["error"]["code"]), (&json!("failed"), &json!("no_room")), "{outcome}");
    assert!(outcome["error"]["message"].as_str().unwrap().contains("write-ahead log"), "{outcome}");
    world.holds_just(&[]).await;
    is_whole(&world, "main").await;
    assert_eq!(world.server.postgres_pid(), before);
    world.server.kill().await;
    drop(disk);
}

/// PostgreSQL cannot go on without its log: it ends all sessions, and does not start again before there is room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_of_the_log_that_fills_meanwhile_is_told_and_costs_nothing_once_there_is_room() {
    let Some((disk, mut world)) = with_log_on_small_disk(120 * MEGABYTE).await else { return };
    let holding = hold(&world.pool, "apples").await;
    let operation = world.begin_create(&json!({"name": "big", "data_clone_mode": "full_clone"})).await;
    waited_for(&world.pool, "apples", 1).await;
    let filler = disk.fill_but(MEGABYTE);
    holding.rollback().await.unwrap();
    eventually("PostgreSQL stays away", PATIENCE * 2, async || world.server.stderr().contains("could not be started again")).await;
    let said = world.server.stderr();
    assert!(said.contains("no space is left on the disk"), "{said}");
    // Whoever made the copy may hear of it later than whoever starts PostgreSQL.
    eventually("the copy says why it stopped", PATIENCE, async || world.server.stderr().contains("the disk of PostgreSQL's write-ahead log is full"))
        .await;
    let ready = world.server.http().get(format!("{}/readyz", world.server.url())).send().await.unwrap();
    assert_eq!(ready.status(), 503);

    fs::remove_file(filler).unwrap();
    world.succeeded(&operation).await;
    is_whole(&world, "big").await;
    is_whole(&world, "main").await;
    world.settles().await;
    world.holds_just(&[("big", 1)]).await;
    world.server.kill().await;
    drop(disk);
}
