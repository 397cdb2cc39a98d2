//! `/metrics`: numbers for whoever asks, and no names of anybody's.

use fluxbase_tests::{ServerSettings, TestServer, eventually};
use serde_json::json;
use std::time::Duration;

async fn metrics(server: &TestServer) -> (u16, String) {
    let answer = server.http().get(format!("{}/metrics", server.url())).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn requests_connections_branches_and_operations_are_told() {
    let mut server = TestServer::start().await;
    let key = server.key("alice").to_owned();
    server.get("tables/tasks?limit=1", &key).await.rows();
    server.get("tables/secret_name?limit=1", &key).await;
    server.mcp_ok(&key, "query_table", json!({"table": "tasks", "limit": 1})).await;
    let (status, text) = metrics(&server).await;
    assert_eq!(status, 200);
    for line in [
        r#"fluxbase_requests_total{door="rest",action="query_table",outcome="ok"} 1"#,
        r#"fluxbase_requests_total{door="rest",action="query_table",outcome="not_found"} 1"#,
        r#"fluxbase_requests_total{door="mcp",action="query_table",outcome="ok"} 1"#,
        r#"fluxbase_request_duration_seconds_count{door="rest",action="query_table"} 2"#,
        r#"fluxbase_request_duration_seconds_bucket{door="rest",action="query_table",le="+Inf"} 2"#,
        r#"fluxbase_connections{pool="data",state="in_use"} 0"#,
        "fluxbase_audit_queue ",
        "fluxbase_build_info{version=",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }

    server.rest(reqwest::Method::POST, "admin/branches", &server.owner_key()).json(&json!({"name": "hidden-name"})).send().await.unwrap();
    eventually("the branch is counted", Duration::from_mins(1), async || {
        let (_, text) = metrics(&server).await;
        text.contains(r#"fluxbase_branches{status="ready"} 1"#) && text.contains(r#"fluxbase_operations{kind="create_branch",status="succeeded"} 1"#)
    })
    .await;
    let (_, text) = metrics(&server).await;
    for name in ["hidden", "secret_name", "alice", "tasks"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    server.stop().await;
}

#[tokio::test]
async fn they_can_be_switched_off() {
    let server = ServerSettings::new().set("server.metrics", "false").start().await;
    assert_eq!(metrics(&server).await.0, 404);
}
