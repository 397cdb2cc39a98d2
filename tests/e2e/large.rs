//! Results that are larger than the memory they may take.

use fluxbase_tests::{TestServer, eventually};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use std::{fs, time::Duration};

/// What the server may grow by.
const ALLOWED: u64 = 64 * 1024 * 1024;
/// And for tools, whose answers are short: neither a row of 50 MB is kept, nor the 27 MB that a write gives back.
const ALLOWED_FOR_TOOLS: u64 = 24 * 1024 * 1024;

/// Most memory that the process ever had resident, and what it has now, in bytes.
fn memory(server: &TestServer, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_else(|| panic!("{field} in {status}"));
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of KiB") * 1024
}

/// How many bytes a body has, without keeping it.
async fn length(mut response: Response) -> u64 {
    assert_eq!(response.status(), StatusCode::OK);
    let mut length = 0;
    while let Some(chunk) = response.chunk().await.expect("the body comes whole") {
        length += chunk.len() as u64;
    }
    length
}

#[tokio::test]
async fn half_a_gigabyte_streams_over_rest_and_is_cut_for_tools() {
    let mut server = TestServer::start().await;
    let (pool, alice) = (server.superuser().await, server.key("alice").to_owned());
    for sql in [
        "create view public.wide as select n, repeat('x', 10000) as body from generate_series(1, 50000) n",
        "create view public.heavy as select 1 as n, repeat('y', 50000000) as body",
        "create table public.heaviest (n int primary key, note text, body text)",
        "grant select on public.wide, public.heavy to authenticated",
        "grant all on public.heaviest to service_role",
        "insert into public.heaviest select n, null, repeat('z', 9000000) from generate_series(1, 3) n",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    eventually("the views are known", Duration::from_secs(10), async || server.get("tables/heavy?select=n", &alice).await.status == StatusCode::OK)
        .await;
    // Warm: pools, buffers and allocators have what they need in everyday life.
    for _ in 0..20 {
        server.get("tables/tasks?limit=1000", &alice).await.rows();
        server.mcp_ok(&alice, "query_table", json!({"table": "tasks", "limit": 1000})).await;
    }
    let before = memory(&server, "VmRSS:");
    let grown = || memory(&server, "VmHWM:").saturating_sub(before);

    for (table, rows) in [("wide", 1..=1000), ("heavy", 0..=0)] {
        let found = server.mcp_ok(&alice, "query_table", json!({"table": table, "limit": 1000})).await;
        assert_eq!(found["truncated"], true, "{table}");
        let given = found["rows"].as_array().unwrap().len();
        assert!(rows.contains(&given), "{table}: {given} rows");
        assert!(found.to_string().len() < 1024 * 1024, "{table}");
    }
    let write = json!({"table": "heaviest", "filter": {"n": "lte.3"}, "data": {"note": "seen"}, "returning": "*"});
    let written = server.mcp_ok(&server.owner_key(), "update_record", write).await;
    assert_eq!(written, json!({"affected": 3, "rows": [], "truncated": true}));
    assert!(grown() < ALLOWED_FOR_TOOLS, "it grew by {} MiB", grown() / 1024 / 1024);

    // Not within the time that the harness's client allows, on a slow machine.
    let ask = |table: &str| server.rest(Method::GET, &format!("tables/{table}"), &alice).timeout(Duration::from_mins(5)).send();
    assert!(length(ask("wide").await.unwrap()).await > 500_000_000);
    assert!(length(ask("heavy").await.unwrap()).await > 50_000_000);
    assert!(grown() < ALLOWED, "it grew by {} MiB", grown() / 1024 / 1024);
    pool.close().await;
    server.stop().await;
}
