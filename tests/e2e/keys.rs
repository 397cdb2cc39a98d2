//! What a key may: scopes, read-only, table lists, pinned branch, expiry, revocation.

use fluxbase_tests::{Answer, TestServer, eventually};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const WRITING: [&str; 3] = ["insert_record", "update_record", "delete_record"];

async fn tools(server: &TestServer, key: &str) -> Vec<String> {
    let list = server.mcp_ask(key, "tools/list", json!({})).await;
    let tools = list["result"]["tools"].as_array().unwrap_or_else(|| panic!("{list}"));
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

/// The three writes, each refused by both doors with this code at the REST one.
async fn refuses_writes(server: &TestServer, key: &str, code: &str) {
    let shown = tools(server, key).await;
    assert!(shown.contains(&"query_table".to_owned()) && WRITING.iter().all(|tool| !shown.iter().any(|name| name == tool)), "{shown:?}");
    for tool in WRITING {
        let arguments = json!({"table": "comments", "filter": {"id": "eq.1"}, "data": {"body": "x"}});
        let refused = server.mcp_call(key, tool, arguments).await;
        assert!(refused["result"].is_null() && refused["error"]["code"] == -32602, "{tool}: {refused}");
    }
    for method in [Method::POST, Method::PATCH, Method::DELETE] {
        let path = if method == Method::POST { "tables/comments" } else { "tables/comments?id=eq.1" };
        let refused = server.send(method.clone(), path, key, &json!({"body": "x"})).await;
        assert_eq!(refused.problem(403), code, "{method}");
    }
}

#[tokio::test]
async fn a_key_that_may_only_read_neither_sees_nor_may_call_what_writes() {
    let server = TestServer::shared().await;
    let reader = server.new_secret(json!({"user": "alice@example.com", "scopes": ["read:tables"]})).await;
    refuses_writes(server, &reader, "missing_scope").await;
    let refused = server.send(Method::POST, "tables/comments", &reader, &json!({})).await;
    assert!(refused.header("www-authenticate").contains("scope=\"write:tables\""), "{refused:?}");
    let read_only = json!({"user": "alice@example.com", "scopes": ["read:tables", "write:tables"], "read_only": true});
    refuses_writes(server, &server.new_secret(read_only).await, "read_only").await;

    let writer = server.new_secret(json!({"user": "alice@example.com", "scopes": ["write:tables"]})).await;
    assert_eq!(server.get("tables/tags", &writer).await.problem(403), "missing_scope");
    assert_eq!(tools(server, &writer).await, ["delete_record", "insert_record", "update_record"]);
}

#[tokio::test]
async fn a_read_only_key_writes_through_no_side_door() {
    let server = TestServer::shared().await;
    let pool = server.superuser().await;
    for sql in [
        "create or replace function public.meddle() returns int language sql volatile as $$ insert into tags (name, color) values ('x', '#000000') returning 1 $$",
        "create or replace view public.meddling as select public.meddle() as done",
        "grant select on public.meddling to authenticated",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    let key = server.new_secret(json!({"user": "alice@example.com", "scopes": ["read:tables"], "read_only": true})).await;
    eventually("the view is known", Duration::from_secs(10), async || {
        server.get("tables/meddling?limit=0", &key).await.status != StatusCode::NOT_FOUND
    })
    .await;
    // Reads run in a read-only transaction, whoever asks.
    for key in [&key, server.key("alice")] {
        assert_eq!(server.get("tables/meddling", key).await.problem(405), "25006");
    }
    sqlx::query("drop view public.meddling").execute(&pool).await.unwrap();
}

#[tokio::test]
async fn a_table_list_holds_for_embeds_views_and_descriptions_too() {
    let server = TestServer::shared().await;
    let list = json!({"user": "alice@example.com", "scopes": ["read:tables", "write:tables"], "tables": ["public.tasks", "tags"]});
    let key = server.new_secret(list).await;
    assert_eq!(server.get("tables/tasks?limit=1", &key).await.rows().len(), 1);
    for path in [
        "tables/projects",
        "tables/project_overview",
        "tables/tasks?select=id,projects(name)",
        "tables/tasks?select=id,sub:tasks!tasks_parent(id,projects(name))",
        "tables/tasks?select=id,projects()&projects.name=eq.x",
        "tables/tasks?select=id,tags(name)",
        "tables/tags?select=tasks(id)",
    ] {
        assert_eq!(server.get(path, &key).await.problem(403), "table_not_allowed", "{path}");
    }
    for (tool, arguments) in [
        ("query_table", json!({"table": "projects"})),
        ("query_table", json!({"table": "tasks", "select": "id, projects(name)"})),
        ("describe_table", json!({"table": "projects"})),
        ("insert_record", json!({"table": "comments", "data": {"body": "x"}})),
        ("update_record", json!({"table": "tasks", "filter": {"id": "eq.1"}, "data": {"title": "x"}, "returning": "id, projects(name)"})),
    ] {
        let told = server.mcp_refused(&key, tool, arguments.clone()).await;
        assert!(told.contains("table_not_allowed"), "{tool} {arguments}: {told}");
    }
    let listed = server.mcp_ok(&key, "list_tables", json!({})).await;
    let names: Vec<_> = listed["tables"].as_array().unwrap().iter().map(|table| table["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["public.tags", "public.tasks"]);
    // Nothing of a table that is not on the list shows, not even as the end of a relationship.
    let described = server.mcp_ok(&key, "describe_table", json!({"table": "tasks"})).await.to_string();
    assert!(!described.contains("projects") || !described.contains("\"references\":\"public.projects"), "{described}");
}

#[tokio::test]
async fn a_pinned_key_that_names_another_branch_is_refused() {
    let server = TestServer::shared().await;
    let key = server.new_secret(json!({"user": "alice@example.com", "branch": "main"})).await;
    assert_eq!(server.get("tables/tags?limit=1", &key).await.rows().len(), 1);
    assert_eq!(server.get("tables/tags?limit=1&branch=main", &key).await.rows().len(), 1);
    assert_eq!(server.get("tables/tags?branch=other", &key).await.problem(400), "branch_mismatch");
    let by_header = server.rest(Method::GET, "tables/tags", &key).header("X-Fluxbase-Branch", "other");
    assert_eq!(Answer::to(by_header).await.problem(400), "branch_mismatch");
    assert!(server.mcp_refused(&key, "query_table", json!({"table": "tags", "branch": "other"})).await.contains("branch_mismatch"));
    // Two that differ are refused for anybody, and one that nobody made is not found.
    let twice = server.rest(Method::GET, "tables/tags?branch=other", server.key("alice")).header("X-Fluxbase-Branch", "main");
    assert_eq!(Answer::to(twice).await.problem(400), "branch_mismatch");
    assert_eq!(server.get("tables/tags?branch=nowhere", server.key("alice")).await.problem(404), "not_found");
}

#[tokio::test]
async fn an_expired_or_revoked_key_is_refused_at_once() {
    let server = TestServer::shared().await;
    let brief = server.new_secret(json!({"user": "alice@example.com", "expires_in": "1s"})).await;
    eventually("it expires", Duration::from_secs(5), async || server.get("tables/tags", &brief).await.status == StatusCode::UNAUTHORIZED).await;

    let made = server.new_key(json!({"user": "alice@example.com", "scopes": ["read:tables"]})).await;
    let key = made["key"].as_str().unwrap();
    assert_eq!(server.get("tables/tags?limit=1", key).await.rows().len(), 1);
    let revoked = server.send(Method::DELETE, &format!("admin/api-keys/{}", made["id"].as_str().unwrap()), &server.owner_key(), &Value::Null).await;
    assert_eq!(revoked.status, StatusCode::OK, "{revoked:?}");
    for _ in 0..3 {
        let refused = server.get("tables/tags?limit=1", key).await;
        assert_eq!(refused.problem(401), "unauthenticated");
        assert!(refused.header("www-authenticate").starts_with("Bearer"), "{refused:?}");
    }
    let over_mcp = Answer::to(server.mcp(key, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}))).await;
    assert_eq!(over_mcp.problem(401), "unauthenticated");
    // By its prefix, or one letter off, no key is found.
    for wrong in [&key[..14], &format!("{key}x"), &format!("{}{}", &key[..key.len() - 1], if key.ends_with('A') { 'B' } else { 'A' })] {
        assert_eq!(server.get("tables/tags", wrong).await.problem(401), "unauthenticated", "{wrong}");
    }
}

#[tokio::test]
async fn a_keys_own_rate_limit_holds_where_the_global_one_is_off() {
    let server = TestServer::shared().await;
    let key = server.new_secret(json!({"user": "alice@example.com", "rate_limit": 5})).await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let answer = server.get("tables/tags?limit=1", &key).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            answer.problem(429);
            assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| (1..=60).contains(&seconds)), "{answer:?}");
        }
        statuses.push(answer.status);
    }
    // A minute may begin in between.
    let refused = statuses.iter().filter(|status| **status == StatusCode::TOO_MANY_REQUESTS).count();
    assert!((2..=7).contains(&refused), "{statuses:?}");
}
