//! What takes long holds up nobody but itself, and is not cut off for it.

use crate::{
    life::files,
    world::{ORCHARD, PATIENCE, World},
};
use fluxbase_tests::{Answer, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than a unit of work may stand still that waits for nobody.
const LONG: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_that_waited_for_another_run_is_told_like_any_other() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings).await;
    world.create("victim").await;
    world.ready("victim").await;
    world.done("victim", "migrate", &files(&[("1_a.sql", "create table public.pears (id int primary key)")])).await;
    let inside = world.inside("victim", 1).await;
    let mut other = inside.acquire().await.unwrap();
    sqlx::query("select pg_advisory_lock(hashtextextended('fluxbase migrations', 0))").execute(&mut *other).await.unwrap();
    let (body, path) = (json!({"version": 1, "action": "forget"}), "admin/branches/victim/migrations/repair");
    let repair = world.ask(Method::POST, path, &body);
    let ends = async {
        tokio::time::sleep(LONG).await;
        other.close().await.unwrap();
    };
    let (answer, ()) = tokio::join!(repair, ends);
    assert_eq!(answer.status, 200, "{answer:?}");
    let activity = world.server.get("admin/branches/victim/activity", &world.server.owner_key()).await;
    assert!(activity.json().to_string().contains("migration_repaired"), "{activity:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_sleep_hold_up_nobodys_branches_and_are_ended() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings.set("branching.operation_timeout", "20s")).await;
    world.create("victim").await;
    world.ready("victim").await;
    let asleep = |dry_run: bool| {
        let Value::Object(mut body) = files(&[("1_a.sql", "select pg_sleep(1000000)")]) else { unreachable!("files are an object") };
        body.insert("dry_run".to_owned(), json!(dry_run));
        Value::Object(body)
    };
    // As many as there are workers.
    let sleepers = [world.begin("main", "migrate", &asleep(true)).await, world.begin("victim", "migrate", &asleep(false)).await];
    eventually("both sleep", PATIENCE, async || {
        let sleeping = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and application_name like 'fluxbase migrations%' and query like '%1000000%'";
        sqlx::query_scalar::<_, i64>(sleeping).fetch_one(&world.pool).await.unwrap() >= 2
    })
    .await;
    world.create("swift").await;
    world.ready("swift").await;
    world.delete("swift").await;
    world.gone("swift").await;
    for sleeper in &sleepers {
        let outcome = world.outcome(sleeper).await;
        assert_eq!((&outcome["status"], &outcome["error"]["code"]), (&json!("failed"), &json!("operation_timeout")), "{outcome}");
    }
    assert_eq!(world.status("victim").await.as_deref(), Some("ready"));
    world.holds_just(&[("victim", 1)]).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_that_waits_for_its_branch_keeps_nobody_from_making_others() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings).await;
    for (parent, slug) in [(None, "busy"), (Some("busy"), "child")] {
        world.create_with(&json!({"name": slug, "parent": parent})).await;
        world.ready(slug).await;
    }
    // As a reset has it that waits at its switch for sessions to end: of what is to be deleted, and of what goes along.
    for (number, held) in ["busy", "child"].into_iter().enumerate() {
        let mut holding = world.pool.begin().await.unwrap();
        let row = sqlx::query("select from branching.branches where slug = $1 and status <> 'deleted' for no key update").bind(held);
        assert_eq!(row.execute(&mut *holding).await.unwrap().rows_affected(), 1);
        let delete = Answer::to(world.server.rest(Method::DELETE, "admin/branches/busy?force=true", &world.server.owner_key()));
        let others = async {
            eventually("the delete waits for the row", PATIENCE, async || {
                let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%branching.branches%'";
                sqlx::query_scalar::<_, i64>(waiting).fetch_one(&world.pool).await.unwrap() > 0
            })
            .await;
            tokio::time::timeout(PATIENCE, world.create(&format!("other-{number}"))).await.expect("a branch is made meanwhile");
            if held == "busy" {
                // Protected by then: the delete decides by what it finds once it has the row.
                sqlx::query("update branching.branches set protected = true where slug = 'busy'").execute(&mut *holding).await.unwrap();
            }
            holding.commit().await.unwrap();
        };
        let (answer, ()) = tokio::join!(delete, others);
        if held == "busy" {
            assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (409, &json!("branch_protected")), "{answer:?}");
            sqlx::query("update branching.branches set protected = false where slug = 'busy'").execute(&world.pool).await.unwrap();
        } else {
            assert_eq!(answer.status, 202, "{answer:?}");
        }
    }
    for gone in ["child", "busy"] {
        world.gone(gone).await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_a_turn_to_copy_takes_nothing_of_an_operations_time() {
    const TIME: Duration = Duration::from_secs(15);
    let world = World::on_shared_cluster(ORCHARD, |settings| settings.set("branching.operation_timeout", &format!("{}s", TIME.as_secs()))).await;
    world.create("victim").await;
    world.ready("victim").await;
    // Somebody copies it by both turns.
    let mut others = world.pool.acquire().await.unwrap();
    let turns = "select pg_advisory_lock(hashtextextended(format('fluxbase %s turn %s to copy %s', id, place, $1), 0)) from fluxbase.instance, generate_series(0, 1) place";
    sqlx::query(turns).bind(format!("{}victim_g1", world.prefix)).execute(&mut *others).await.unwrap();
    let body = json!({"name": "child", "parent": "victim", "data_clone_mode": "full_clone"});
    let create = world.begin_create(&body).await;
    let Value::Object(mut body) = files(&[("1_a.sql", "select 1")]) else { unreachable!("files are an object") };
    body.insert("dry_run".to_owned(), json!(true));
    let dry_run = world.begin("victim", "migrate", &Value::Object(body)).await;
    tokio::time::sleep(TIME * 2).await;
    others.close().await.unwrap();
    for waited in [&create, &dry_run] {
        world.succeeded(waited).await;
    }
    world.is_whole("child").await;
    world.end().await;
}
