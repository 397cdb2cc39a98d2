//! Two servers on one database that are asked for the same at once: one operation at a time works on a branch.

use crate::{
    life::{at_once, files, outcome_at, request_of},
    locks::{hold, waited_for},
    world::{ORCHARD, PATIENCE, World, run},
};
use fluxbase_tests::{Answer, ServerSettings, TestServer, eventually};
use nix::sys::signal::Signal;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Instant};
use tokio::task::JoinSet;

/// Requests of each kind to each server.
const AT_ONCE: usize = 4;

async fn two() -> (World, TestServer) {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings.set("database.statement_timeout", "2s")).await;
    let other = world.replica().await;
    (world, other)
}

/// Sends all of these about a branch to both servers at once.
async fn rush(world: &World, other: &TestServer, slug: &str, asked: &[(&'static str, Value)]) -> Vec<(&'static str, Answer)> {
    let mut requests = JoinSet::new();
    for _ in 0..AT_ONCE {
        for server in [&world.server, other] {
            for (what, body) in asked {
                let (what, request) = (*what, request_of(server, slug, what, body));
                requests.spawn(async move { (what, Answer::to(request).await) });
            }
        }
    }
    requests.join_all().await
}

/// One was accepted; the others are told what stands in the way.
fn one_of(answers: &[(&'static str, Answer)]) -> String {
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|(_, answer)| answer.status == 202);
    assert_eq!(accepted.len(), 1, "{answers:?}");
    for (what, answer) in refused {
        let reason = answer.problem(409);
        // An undo takes no time: who asks last may come when it is done.
        assert!(reason == "operation_running" || *what == "undo" && reason == "nothing_to_undo", "{what}: {reason}");
    }
    accepted[0].1.json()["operation"]["id"].as_str().unwrap().to_owned()
}

/// No two operations were at work on one branch at the same time. What tries things on copies, or drops what serves no more, is not on the branch.
async fn one_at_a_time(world: &World) {
    let overlapping: Vec<String> = sqlx::query_scalar(
        "select format('%s %s and %s %s', a.kind, a.id, b.kind, b.id)
           from branching.operations a join branching.operations b on a.branch_id = b.branch_id and a.id < b.id
          where not exists (select from unnest(array[a.kind, b.kind]) kind where kind in ('discard_generation', 'diff_branches'))
            and a.created_at < coalesce(b.finished_at, 'infinity') and b.created_at < coalesce(a.finished_at, 'infinity')",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert!(overlapping.is_empty(), "{overlapping:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_ask_two_replicas_for_the_same_one_is_heard() {
    let (world, other) = two().await;
    world.create("victim").await;
    world.ready("victim").await;
    world.plant(1001, "victim").await;
    let pears = files(&[("1_pears.sql", "create table public.pears (id int primary key); select pg_sleep(0.5)")]);
    for (what, body) in [("migrate", pears), ("reset", json!({})), ("undo", json!({}))] {
        let operation = one_of(&rush(&world, &other, "victim", &[(what, body)]).await);
        world.succeeded(&operation).await;
    }
    // The migration and the row are back: the reset was undone.
    assert_eq!((world.count("trees", "victim").await, world.count("pears", "victim").await), (201, 0));
    for refused in rush(&world, &other, "victim", &[("undo", json!({}))]).await {
        assert_eq!(refused.1.problem(409), "nothing_to_undo");
    }
    world.settles().await;
    world.holds_just(&[("victim", 1)]).await;
    let answers = rush(&world, &other, "victim", &[("delete", json!({}))]).await;
    let accepted = answers.iter().filter(|(_, answer)| answer.status == 202).count();
    assert_eq!(accepted, 1, "{answers:?}");
    // Who comes when it is gone already finds nothing.
    assert!(answers.iter().all(|(_, answer)| [202, 404, 409].contains(&answer.status.as_u16())), "{answers:?}");
    world.gone("victim").await;
    one_at_a_time(&world).await;
    world.holds_just(&[]).await;
    drop(other);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once_comes_one_after_the_other() {
    let (world, other) = two().await;
    let asked = |round: u32| {
        [
            ("reset", json!({})),
            ("undo", json!({})),
            ("migrate", files(&[(&format!("{}_t.sql", round + 1), &format!("create table public.t{round} (id int)"))])),
            ("delete", json!({})),
        ]
    };
    let mut accepted = BTreeSet::new();
    for round in 0..6 {
        if world.status("victim").await.is_none() {
            world.create("victim").await;
            world.ready("victim").await;
        }
        let answers = rush(&world, &other, "victim", &asked(round)).await;
        for (what, answer) in &answers {
            match answer.status.as_u16() {
                202 => drop(accepted.insert(*what)),
                404 => {}
                409 => drop(answer.problem(409)),
                other => panic!("{what}: {other} {answer:?}"),
            }
        }
        assert!(answers.iter().any(|(_, answer)| answer.status == 202), "{answers:?}");
        eventually("the branch is ready, wrong or gone", PATIENCE, async || {
            let status = world.status("victim").await;
            status.as_deref().is_none_or(|status| status == "ready" || status == "error")
        })
        .await;
        one_at_a_time(&world).await;
    }
    println!("accepted were {accepted:?}");
    if world.status("victim").await.is_some() {
        world.delete("victim").await;
        world.gone("victim").await;
    }
    world.settles().await;
    world.holds_just(&[]).await;
    drop(other);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_called_off_on_one_ends_on_the_other() {
    let (world, other) = two().await;
    world.create("victim").await;
    world.ready("victim").await;
    world.plant(1001, "victim").await;

    // Nothing can be read of the parent while this is held: the reset waits, on whichever of them has it.
    let holding = hold(&world.pool, "apples").await;
    let operation = world.begin("victim", "reset", &json!({})).await;
    let cancel = |number: usize| {
        let server = [&world.server, &other][number % 2];
        server.rest(Method::POST, &format!("admin/operations/{operation}/cancel"), &server.owner_key()).json(&json!({}))
    };
    for answer in at_once((0..2 * AT_ONCE).map(cancel)).await {
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    assert_eq!(world.outcome(&operation).await["status"], "cancelled");
    holding.rollback().await.unwrap();
    assert_eq!((world.status("victim").await.as_deref(), world.count("trees", "victim").await), (Some("ready"), 201));
    world.holds_just(&[("victim", 1)]).await;

    // At any moment: either it is called off and nothing came of it, or it is too late and it was done.
    let begun = Instant::now();
    world.done("victim", "reset", &json!({})).await;
    let usual = begun.elapsed();
    let mut random = StdRng::seed_from_u64(20_261_126);
    let (mut cancelled, mut late, mut generation) = (0, 0, world.branch("victim").await["generation"].as_u64().unwrap());
    for _ in 0..8 {
        let operation = world.begin("victim", "reset", &json!({})).await;
        tokio::time::sleep(usual.mul_f64(1.3 * random.random::<f64>())).await;
        let path = format!("admin/operations/{operation}/cancel");
        let answer = other.send(Method::POST, &path, &other.owner_key(), &json!({})).await;
        let outcome = world.outcome(&operation).await;
        let now = world.branch("victim").await["generation"].as_u64().unwrap();
        if answer.status == 202 {
            cancelled += 1;
            assert_eq!((&outcome["status"], now), (&json!("cancelled"), generation), "{outcome}");
        } else {
            late += 1;
            assert_eq!(answer.problem(409), "too_late");
            assert_eq!(outcome["status"], "succeeded", "{outcome}");
            assert!(now > generation);
            generation = now;
        }
        assert_eq!(world.status("victim").await.as_deref(), Some("ready"));
    }
    println!("{cancelled} resets were called off, {late} were done");
    world.delete("victim").await;
    world.gone("victim").await;
    one_at_a_time(&world).await;
    world.holds_just(&[]).await;
    drop(other);
    world.end().await;
}

/// It holds the operation, and its connections to PostgreSQL stay open: only the lease tells that it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_slept_past_its_lease_is_overtaken_and_does_no_harm() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings.set("database.statement_timeout", "2s")).await;
    world.create("victim").await;
    world.ready("victim").await;
    world.plant(1001, "victim").await;
    let holding = hold(&world.pool, "apples").await;
    let operation = world.begin("victim", "reset", &json!({})).await;
    eventually("it is claimed", PATIENCE, async || world.fence(&operation).await == 1).await;
    world.server.signal(Signal::SIGSTOP);
    let other = world.replica().await;
    holding.rollback().await.unwrap();
    eventually("the other takes over", PATIENCE, async || world.fence(&operation).await >= 2).await;
    world.server.signal(Signal::SIGCONT);
    world.succeeded(&operation).await;
    for server in [&world.server, &other] {
        let branch = server.get("admin/branches/victim", &server.owner_key()).await.json();
        assert_eq!((&branch["status"], &branch["generation"]), (&json!("ready"), &json!(2)), "{branch}");
    }
    world.is_whole("victim").await;
    one_at_a_time(&world).await;
    world.holds_just(&[("victim", 1), ("victim", 2)]).await;
    drop(other);
    world.end().await;
}

/// Nobody wakes it before all is done: what it holds of PostgreSQL (a turn to copy, the branch, a row that it was about to change) is taken from it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_holds_that_never_wakes_is_taken_from_it() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings.set("database.statement_timeout", "2s")).await;
    let holding = hold(&world.pool, "apples").await;
    let body = |name: &str| json!({"name": name, "data_clone_mode": "full_clone"});
    let operations = [world.begin_create(&body("one")).await, world.begin_create(&body("two")).await];
    waited_for(&world.pool, "apples", 2).await;
    world.server.signal(Signal::SIGSTOP);
    let other = world.replica().await;
    holding.rollback().await.unwrap();
    for slug in ["one", "two"] {
        eventually(&format!("{slug} is ready"), 2 * PATIENCE, async || {
            other.get(&format!("admin/branches/{slug}"), &other.owner_key()).await.json()["status"] == "ready"
        })
        .await;
    }
    world.server.signal(Signal::SIGCONT);
    for operation in &operations {
        world.succeeded(operation).await;
    }
    world.is_whole("one").await;
    world.is_whole("two").await;
    one_at_a_time(&world).await;
    world.holds_just(&[("one", 1), ("two", 1)]).await;
    drop(other);
    world.end().await;
}

/// It reads main's tables when it is frozen, and its sessions stay: who comes after it ends them before it queues behind them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_frozen_replica_has_locked_in_main_is_let_go() {
    // Some seconds for a copy.
    let slow = |settings: ServerSettings| settings.set("database.statement_timeout", "2s").set("branching.clone_rate", "200000");
    let world = World::on_shared_cluster(ORCHARD, slow).await;
    sqlx::raw_sql("insert into public.apples select n, 1, n from generate_series(5001, 40000) n").execute(&world.pool).await.unwrap();
    let operation = world.begin_create(&json!({"name": "slow", "data_clone_mode": "full_clone"})).await;
    let readers = "select distinct a.pid from pg_stat_activity a join pg_locks l on l.pid = a.pid
                    where a.datname = current_database() and a.application_name ~ '^fluxbase builder [0-9a-f]{8} ' and l.granted
                      and l.mode = 'AccessShareLock' and l.relation = 'public.apples'::regclass";
    let mut frozen: Vec<i32> = Vec::new();
    eventually("it reads apples", PATIENCE, async || {
        let copies = "select exists (select from pg_stat_activity where datname = current_database() and query ~ '^copy .*apples')";
        if sqlx::query_scalar::<_, bool>(copies).fetch_one(&world.pool).await.unwrap() {
            frozen = sqlx::query_scalar(readers).fetch_all(&world.pool).await.unwrap();
        }
        !frozen.is_empty()
    })
    .await;
    world.server.signal(Signal::SIGSTOP);
    let other = world.replica().await;
    eventually("the other takes over", 2 * PATIENCE, async || world.fence(&operation).await >= 2).await;
    eventually("what the frozen one had locked is let go", PATIENCE, async || {
        let left = "select count(*) from pg_stat_activity where pid = any($1)";
        sqlx::query_scalar::<_, i64>(left).bind(&frozen).fetch_one(&world.pool).await.unwrap() == 0
    })
    .await;
    eventually("the branch is ready", 2 * PATIENCE, async || other.get("admin/branches/slow", &other.owner_key()).await.json()["status"] == "ready")
        .await;
    world.server.signal(Signal::SIGCONT);
    world.succeeded(&operation).await;
    assert_eq!(world.count("apples", "slow").await, 40_000);
    world.holds_just(&[("slow", 1)]).await;
    drop(other);
    world.end().await;
}

/// Its file has made a table in main, and it has the turn there: both are taken from it, and when it wakes it changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_frozen_in_a_migration_is_overtaken_and_does_no_harm() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings.set("database.statement_timeout", "2s")).await;
    let file = files(&[("1_a.sql", "create table public.pears (id int); insert into public.pears values (1); select pg_sleep(3)")]);
    let operation = world.begin("main", "migrate", &file).await;
    eventually("the file is at work", PATIENCE, async || {
        let sleeping =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep' and query like '%pg_sleep(3)%'";
        sqlx::query_scalar::<_, i64>(sleeping).fetch_one(&world.pool).await.unwrap() == 1
    })
    .await;
    world.server.signal(Signal::SIGSTOP);
    let other = world.replica().await;
    let outcome = outcome_at(&other, &other.owner_key(), &operation).await;
    assert_eq!(outcome["status"], "succeeded", "{outcome}");
    world.server.signal(Signal::SIGCONT);
    world.succeeded(&operation).await;
    let done: (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from public.pears), (select count(*) from fluxbase_migrations.ledger where state = 'applied'),
                (select count(*) from branching.migration_history)",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(done, (1, 1, 1));
    drop(other);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_branches_are_made_and_dropped_at_once() {
    let (world, other) = two().await;
    run(&world.pool, "delete from public.apples where id > 500").await;
    let slugs: Vec<String> = (0..20).map(|number| format!("many-{number}")).collect();
    let create = |(number, slug): (usize, &String)| {
        let server = [&world.server, &other][number % 2];
        let mode = ["schema_only", "full_clone", "seed_data"][number % 3];
        let body = json!({"name": slug, "data_clone_mode": mode});
        server.rest(Method::POST, "admin/branches", &server.owner_key()).json(&body)
    };
    let answers = at_once(slugs.iter().enumerate().map(create)).await;
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    for (number, slug) in slugs.iter().enumerate() {
        world.ready(slug).await;
        assert_eq!(world.count("trees", slug).await, [0, 200, 1][number % 3], "{slug}");
    }
    world.holds_just(&slugs.iter().map(|slug| (slug.as_str(), 1)).collect::<Vec<_>>()).await;
    let delete = |(number, slug): (usize, &String)| request_of([&world.server, &other][number % 2], slug, "delete", &json!({}));
    let answers = at_once(slugs.iter().enumerate().map(delete)).await;
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    for slug in &slugs {
        world.gone(slug).await;
    }
    world.settles().await;
    world.holds_just(&[]).await;
    drop(other);
    world.end().await;
}
