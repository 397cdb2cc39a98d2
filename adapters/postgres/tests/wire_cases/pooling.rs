//! Many callers over few connections.

use std::{num::NonZeroUsize, time::Duration};

use fluxbase_postgres::wire::{Budget, Exchange, Pool, PoolOptions, PoolStats, Statement, WireError};

use super::{ask, options, pool, read, set_up, statement, target, value, within_a_second};

const CLAIMS: &str = "select coalesce(current_setting('request.jwt.claims', true), '')";

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_callers_over_eight_connections_never_see_each_others_claims() {
    let pool = pool("claims", 8);
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..200 {
        let pool = pool.clone();
        callers.spawn(async move {
            for round in 0..20 {
                let claims = format!(r#"{{"sub":"{caller}","round":{round}}}"#);
                let params = [Some(claims.as_str())];
                let prelude = [Statement { sql: "select set_config('request.jwt.claims', $1, true)", params: &params }];
                let rows = ask(&pool, read(&prelude, statement(CLAIMS))).await.unwrap();
                assert_eq!(rows, [[Some(claims.clone())]]);
                if round % 5 == 0 {
                    assert_eq!(value(&pool, CLAIMS).await, "", "claims of somebody were left behind");
                    ask(&pool, read(&prelude, statement("select 1/0"))).await.unwrap_err();
                }
                if (caller + round) % 50 == 0 {
                    drop(pool.run(&read(&prelude, statement("select generate_series(1, 100000)"))).await.unwrap());
                }
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    assert!(pool.stats().open <= 8, "{:?}", pool.stats());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_that_was_terminated_is_not_noticed_by_anyone() {
    let (admin, pool) = (pool("terminator", 1), pool("terminated", 1));
    set_up(&admin, &["create table terminated (n int)"]).await;
    for _ in 0..3 {
        let pid = value(&pool, "select pg_backend_pid()").await;
        set_up(&admin, &[&format!("select pg_terminate_backend({pid})")]).await;
        assert_ne!(value(&pool, "select pg_backend_pid()").await, pid);
    }
    let pid = value(&pool, "select pg_backend_pid()").await;
    set_up(&admin, &[&format!("select pg_terminate_backend({pid}, 5000)")]).await;
    within_a_second(&admin, &format!("select count(*) = 0 from pg_stat_activity where pid = {pid}")).await;
    set_up(&pool, &["insert into terminated values (1)"]).await; // a write that may have been done is not tried twice, so its connection was looked at first
    assert_eq!(value(&admin, "select count(*) from terminated").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ended_in_the_midst_of_a_query_tells_why() {
    let (admin, pool) = (pool("ender", 1), pool("ended", 1));
    let running = tokio::spawn({
        let pool = pool.clone();
        async move { ask(&pool, Exchange { retry_safe: false, ..read(&[], statement("select pg_sleep(60)")) }).await }
    });
    let wait = "select count(*) = 1 from pg_stat_activity where application_name = 'ended' and wait_event = 'PgSleep'";
    within_a_second(&admin, wait).await;
    set_up(&admin, &["select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ended'"]).await;
    let error = running.await.unwrap().unwrap_err();
    assert!(error.sql().is_some_and(|sql| sql.sqlstate == "57P01" && sql.is_fatal()), "{error:?}");
    assert_eq!(pool.stats(), PoolStats { open: 0, idle: 0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_too_long_for_a_connection_is_told_so() {
    let impatient = PoolOptions { acquire_timeout: Duration::from_millis(50), ..options(1) };
    let pool = Pool::new(target("impatient"), impatient).unwrap();
    let mut stream = pool.run(&read(&[], statement("select generate_series(1, 1000000)"))).await.unwrap();
    let error = pool.run(&read(&[], statement("select 1"))).await.unwrap_err();
    assert!(matches!(error, WireError::PoolTimeout), "{error:?}");
    stream.finish().await.unwrap();
    assert_eq!(value(&pool, "select 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pool_lets_those_that_run_end() {
    let pool = pool("closing", 2);
    value(&pool, "select 1").await;
    let mut stream = pool.run(&read(&[], statement("select generate_series(1, 1000000)"))).await.unwrap();
    let closing = tokio::spawn({
        let pool = pool.clone();
        async move { pool.close().await }
    });
    let error = loop {
        match pool.run(&read(&[], statement("select 1"))).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, WireError::PoolClosed), "{error:?}");
    stream.finish().await.unwrap();
    assert_eq!(stream.affected_rows(), Some(1_000_000));
    closing.await.unwrap();
    assert_eq!(pool.stats(), PoolStats { open: 0, idle: 0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn pools_share_a_budget_and_none_starves() {
    let two = NonZeroUsize::new(2).unwrap();
    let budget = Budget::new(two);
    let of = |name: &str| Pool::new(target(name), PoolOptions::new(two, budget.clone())).unwrap();
    let (greedy, modest) = (of("greedy"), of("modest"));

    let streams = [0, 1].map(|_| read(&[], statement("select generate_series(1, 1000000)")));
    let mut first = greedy.run(&streams[0]).await.unwrap();
    let mut second = greedy.run(&streams[1]).await.unwrap();
    assert_eq!((greedy.stats().open, budget.available()), (2, 0));
    let waiting = tokio::spawn(async move {
        let answer = value(&modest, "select 'served'").await;
        (answer, modest)
    });
    first.finish().await.unwrap();
    second.finish().await.unwrap();
    let (answer, modest) = waiting.await.unwrap();
    assert_eq!(answer, "served");

    let both = [greedy.run(&streams[0]).await.unwrap(), greedy.run(&streams[1]).await.unwrap()];
    assert_eq!(modest.stats().open, 0, "its idle connection was taken for those who needed it");
    drop(both);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_nobody_uses_are_closed() {
    let short = PoolOptions { idle_timeout: Duration::from_millis(50), ..options(2) };
    let (watcher, pool) = (pool("watcher_of_idle", 1), Pool::new(target("unused"), short).unwrap());
    value(&pool, "select 1").await;
    within_a_second(&watcher, "select count(*) = 0 from pg_stat_activity where application_name = 'unused'").await;
    assert_eq!(pool.stats(), PoolStats { open: 0, idle: 0 });
}
