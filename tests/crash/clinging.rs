//! Clients that cling to a branch: they come back again and again while it is reset, switched back and deleted.

use crate::{
    life::ask_of,
    reader::Reader,
    world::{ORCHARD, PATIENCE, World},
};
use fluxbase_tests::eventually;
use serde_json::json;
use sqlx::{Connection, PgConnection, Row};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

/// Connects with a person's own tool without pause, and holds each connection until it is cut off.
struct Clinging {
    goes_on: Arc<AtomicBool>,
    let_in: Arc<AtomicU32>,
    task: tokio::task::JoinHandle<()>,
}

impl Clinging {
    fn to(url: &str) -> Self {
        let (goes_on, let_in) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
        let task = tokio::spawn(cling(url.to_owned(), goes_on.clone(), let_in.clone()));
        Self { goes_on, let_in, task }
    }

    async fn is_let_in(&self) {
        let before = self.let_in.load(Ordering::Relaxed);
        eventually("the client is let in", PATIENCE, async || self.let_in.load(Ordering::Relaxed) > before).await;
    }

    async fn stop(self) -> u32 {
        self.goes_on.store(false, Ordering::Relaxed);
        self.task.await.unwrap();
        self.let_in.load(Ordering::Relaxed)
    }
}

async fn cling(url: String, goes_on: Arc<AtomicBool>, let_in: Arc<AtomicU32>) {
    while goes_on.load(Ordering::Relaxed) {
        let Ok(mut connection) = PgConnection::connect(&url).await else {
            tokio::task::yield_now().await;
            continue;
        };
        // In a transaction, as who forgot to end it.
        let mut held = sqlx::raw_sql("begin; select count(*) as trees from public.trees; select pg_sleep(0.05)").fetch_all(&mut connection).await;
        while goes_on.load(Ordering::Relaxed) && held.as_ref().is_ok_and(|rows| rows.iter().any(|row| row.try_get::<i64, _>("trees").is_ok())) {
            let_in.fetch_add(1, Ordering::Relaxed);
            held = sqlx::raw_sql("select count(*) as trees from public.trees; select pg_sleep(0.05)").fetch_all(&mut connection).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reconnects_in_a_loop_hinders_no_reset_no_undo_and_no_delete() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings.set("database.statement_timeout", "2s")).await;
    world.create("victim").await;
    world.ready("victim").await;
    world.plant(1001, "victim").await;
    let issued = ask_of(&world.server, "victim", "connection", &json!({})).await;
    assert_eq!(issued.status, 200, "{issued:?}");
    let url = issued.json()["url"].as_str().unwrap().to_owned();
    let clinging = [Clinging::to(&url), Clinging::to(&url), Clinging::to(&url)];
    for client in &clinging {
        client.is_let_in().await;
    }
    let reader = Reader::of(&world.server, "victim");

    world.done("victim", "reset", &json!({})).await;
    assert_eq!(peoples(&world, 1).await, 0, "whoever sees that the reset is done writes to nothing that it replaced");
    eventually("requests come to the new generation", PATIENCE, async || reader.last() == Some(200)).await;
    // What was replaced is closed to everybody, whoever holds it and whoever comes.
    eventually("the old generation is empty", PATIENCE, async || sessions(&world, 1).await == 0).await;
    world.done("victim", "undo", &json!({})).await;
    assert_eq!(peoples(&world, 2).await, 0, "nor to what an undo took away");
    eventually("requests come to the old generation", PATIENCE, async || reader.last() == Some(201)).await;
    for client in &clinging {
        client.is_let_in().await;
    }
    world.settles().await;
    world.holds_just(&[("victim", 1)]).await;

    // Twice: what the first had replaced is dropped, from under who clings to it.
    world.done("victim", "reset", &json!({})).await;
    world.done("victim", "reset", &json!({})).await;
    world.settles().await;
    world.holds_just(&[("victim", 3), ("victim", 4)]).await;
    let seen = reader.stop().await;
    assert_eq!((seen.refused, seen.counts), (vec![], vec![201, 200, 201, 200]), "of {} answers", seen.answers);
    println!("{} requests over three resets and an undo, none refused", seen.answers);

    let issued = ask_of(&world.server, "victim", "connection", &json!({})).await;
    let anew = Clinging::to(issued.json()["url"].as_str().unwrap());
    anew.is_let_in().await;
    world.delete("victim").await;
    world.gone("victim").await;
    world.settles().await;
    world.holds_just(&[]).await;
    let mut let_in = anew.stop().await;
    for client in clinging {
        let_in += client.stop().await;
    }
    println!("clinging clients were let in {let_in} times");
    world.end().await;
}

async fn sessions(world: &World, generation: u32) -> i64 {
    sessions_of(world, generation, "%").await
}

/// Those of the branch's login, by which people connect.
async fn peoples(world: &World, generation: u32) -> i64 {
    sessions_of(world, generation, "fluxbase\\_%\\_b\\_%").await
}

async fn sessions_of(world: &World, generation: u32, logins: &str) -> i64 {
    let database = format!("{}victim_g{generation}", world.prefix);
    sqlx::query_scalar("select count(*) from pg_stat_activity where datname = $1 and usename like $2")
        .bind(database)
        .bind(logins)
        .fetch_one(&world.pool)
        .await
        .unwrap()
}
