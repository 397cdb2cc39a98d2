//! TRUNCATE and ALTER TABLE on the parent without pause while it is cloned. Neither obeys snapshots: a copy that trusted its own would lack rows.

use crate::world::{PATIENCE, World, run};
use fluxbase_tests::eventually;
use sqlx::PgPool;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// `marks` says which filling of `refilled` and which shape of `reshaped` a snapshot ought to have.
const SCHEMA: &str = "
    create table public.marks (id int primary key, filling bigint not null, shape text not null);
    insert into public.marks values (1, 0, 'integer');
    create table public.refilled (id int primary key, filling bigint not null);
    insert into public.refilled select n, 0 from generate_series(1, 500) n;
    create table public.reshaped (id int primary key, value integer not null);
    insert into public.reshaped select n, n from generate_series(1, 2000) n;
    create table public.ballast (id int primary key, refilled_id int, filler text not null);
    insert into public.ballast select n, n, repeat('x', 200) from generate_series(1, 20000) n;
    grant select on all tables in schema public to service_role";

const CLONES: u32 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_branch_lacks_rows_of_its_snapshot() {
    let world = World::on_shared_cluster(SCHEMA, |settings| settings.set("branching.max_total_branches", "100")).await;
    let goes_on = Arc::new(AtomicBool::new(true));
    let truncating = tokio::spawn(truncate(world.pool.clone(), goes_on.clone()));
    let altering = tokio::spawn(alter(world.pool.clone(), goes_on.clone()));

    let mut ready = 0;
    for number in 0..CLONES {
        let slug = format!("clone-{number}");
        world.create(&slug).await;
        eventually(&format!("{slug} is built or given up"), PATIENCE * 2, async || world.status(&slug).await.as_deref() != Some("creating")).await;
        if world.status(&slug).await.as_deref() == Some("ready") {
            ready += 1;
            is_one_snapshot(&world.inside(&slug, 1).await, &slug).await;
        }
    }
    goes_on.store(false, Ordering::Relaxed);
    let (truncated, altered) = (truncating.await.unwrap(), altering.await.unwrap());
    println!("{ready} of {CLONES} clones became ready, during {truncated} TRUNCATEs and {altered} ALTERs");
    assert!(truncated > 20 && altered > 20, "the parent stood still: {truncated}, {altered}");
    assert!(ready >= CLONES / 2, "{ready} of {CLONES} clones became ready:\n{}", world.server.stderr());
    // What was given up left nothing.
    assert_eq!(world.databases().await.len(), usize::try_from(ready).unwrap());
    world.end().await;
}

async fn truncate(pool: PgPool, goes_on: Arc<AtomicBool>) -> u32 {
    let mut times = 0;
    while goes_on.load(Ordering::Relaxed) {
        let refill = "begin; update public.marks set filling = filling + 1; truncate public.refilled;
                      insert into public.refilled select n, (select filling from public.marks) from generate_series(1, 500) n; commit";
        run(&pool, refill).await;
        times += 1;
    }
    times
}

async fn alter(pool: PgPool, goes_on: Arc<AtomicBool>) -> u32 {
    let mut times = 0;
    while goes_on.load(Ordering::Relaxed) {
        let shape = if times % 2 == 0 { "text" } else { "integer" };
        run(
            &pool,
            &format!(
                "begin; alter table public.reshaped alter value type {shape} using value::{shape}; update public.marks set shape = '{shape}'; commit"
            ),
        )
        .await;
        times += 1;
    }
    times
}

async fn is_one_snapshot(branch: &PgPool, slug: &str) {
    let (filling, shape): (i64, String) = sqlx::query_as("select filling, shape from public.marks").fetch_one(branch).await.unwrap();
    let fillings: Vec<(i64, i64)> = sqlx::query_as("select filling, count(*) from public.refilled group by 1").fetch_all(branch).await.unwrap();
    assert_eq!(fillings, [(filling, 500)], "{slug}");
    let reshaped: (String, i64, i64) = sqlx::query_as(
        "select (select data_type from information_schema.columns where table_name = 'reshaped' and column_name = 'value')::text,
                count(*), sum(value::text::bigint)::bigint from public.reshaped",
    )
    .fetch_one(branch)
    .await
    .unwrap();
    assert_eq!(reshaped, (shape, 2000, 2_001_000), "{slug}");
}
