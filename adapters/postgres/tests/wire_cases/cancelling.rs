//! Whoever goes away takes the query along.

use std::time::Duration;

use fluxbase_postgres::wire::{Pool, TlsMode};
use tokio::time::timeout;

use super::{options, pool, read, statement, target, tcp_target, value, within_a_second};
use crate::cluster::cluster;

fn nobody(name: &str) -> String {
    format!("select count(*) = 0 from pg_stat_activity where application_name = '{name}' and state = 'active'")
}

async fn somebody_sleeps(watcher: &Pool, name: &str) {
    within_a_second(watcher, &format!("select count(*) = 1 from pg_stat_activity where application_name = '{name}' and wait_event = 'PgSleep'"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_future_ends_its_query_and_the_pool_works_on() {
    let watcher = pool("watcher_of_futures", 1);
    let mut targets = vec![target("dropped_future")];
    if cluster().tls {
        targets.push(tcp_target("dropped_future_tls", "127.0.0.1", TlsMode::Require));
    }
    for target in targets {
        let name = target.application_name.clone();
        let pool = Pool::new(target, options(1)).unwrap();
        let pid = value(&pool, "select pg_backend_pid()").await;
        let sleeper = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(&read(&[], statement("select pg_sleep(60)"))).await.map(drop) }
        });
        somebody_sleeps(&watcher, &name).await;
        sleeper.abort();
        within_a_second(&watcher, &nobody(&name)).await;
        let next = timeout(Duration::from_secs(2), value(&pool, "select pg_backend_pid()")).await.unwrap();
        assert_ne!(next, pid, "a cancelled connection is never used again");
        assert_eq!(pool.stats().open, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_stream_ends_its_query_and_the_pool_works_on() {
    let (watcher, pool) = (pool("watcher_of_streams", 1), pool("dropped_stream", 1));
    for sql in [
        "select generate_series(1, 1000000000)",
        "select repeat('x', 90000000)",
        "select generate_series(1, 5000) union all select 2 from pg_sleep(60)",
    ] {
        let mut stream = pool.run(&read(&[], statement(sql))).await.unwrap();
        assert!(stream.next().await.unwrap().is_some());
        drop(stream);
        within_a_second(&watcher, &nobody("dropped_stream")).await;
        assert_eq!(value(&pool, "select 'on'").await, "on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_dropped_when_all_has_arrived_keeps_its_connection() {
    let pool = pool("all_arrived", 1);
    let pid = value(&pool, "select pg_backend_pid()").await;
    drop(pool.run(&read(&[], statement("select generate_series(1, 10)"))).await.unwrap());
    assert_eq!(value(&pool, "select pg_backend_pid()").await, pid);
}
