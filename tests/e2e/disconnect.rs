//! A client that goes away takes its query with it.

use fluxbase_tests::{ServerSettings, TestServer, eventually};
use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::PgPool;
use std::time::{Duration, Instant};

const SLOW: &str = "select count(*) from pg_stat_activity where state = 'active' and wait_event = 'PgSleep'";

/// A server with a view that takes a minute to read, longer than it lets statements run.
async fn with_slow_view() -> (TestServer, PgPool) {
    let server = ServerSettings::new().set("database.statement_timeout", "50s").start().await;
    let pool = server.superuser().await;
    for sql in ["create view public.slow as select 1 as one from pg_sleep(60)", "grant select on public.slow to authenticated"] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    eventually("the view is known", Duration::from_secs(10), async || {
        server.get("tables/slow?limit=0", server.key("alice")).await.status == StatusCode::OK
    })
    .await;
    (server, pool)
}

async fn slow_queries(pool: &PgPool) -> i64 {
    sqlx::query_scalar(SLOW).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_slow_query_ends_with_its_client() {
    let (mut server, pool) = with_slow_view().await;
    let alice = server.key("alice").to_owned();
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query_table", "arguments": {"table": "slow"}}});
    for (door, request) in [("REST", server.rest(Method::GET, "tables/slow", &alice)), ("MCP", server.mcp(&alice, &call))] {
        let running = tokio::spawn(request.send());
        eventually("the query runs", Duration::from_secs(10), async || slow_queries(&pool).await == 1).await;
        running.abort();
        let gone = Instant::now();
        eventually("the query ends", Duration::from_secs(5), async || slow_queries(&pool).await == 0).await;
        assert!(gone.elapsed() < Duration::from_secs(1), "{door}: it took {:?}", gone.elapsed());
    }
    // Not one connection of the pool was lost to them.
    for _ in 0..40 {
        assert_eq!(server.get("tables/tags?limit=1", &alice).await.status, StatusCode::OK);
    }
    pool.close().await;
    server.stop().await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_and_said_to_be() {
    let server = ServerSettings::new().set("database.statement_timeout", "500ms").start().await;
    let pool = server.superuser().await;
    for sql in ["create view public.slow as select 1 as one from pg_sleep(60)", "grant select on public.slow to authenticated"] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    eventually("the view is known", Duration::from_secs(10), async || {
        server.get("tables/slow?limit=0", server.key("alice")).await.status == StatusCode::OK
    })
    .await;
    assert_eq!(server.get("tables/slow", server.key("alice")).await.problem(504), "timeout");
    assert!(server.mcp_refused(server.key("alice"), "query_table", json!({"table": "slow"})).await.contains("timeout"));
    assert_eq!(slow_queries(&pool).await, 0);
    pool.close().await;
}
