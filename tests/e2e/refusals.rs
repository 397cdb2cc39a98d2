//! What is refused, and what is not told: malformed calls in the trail and in the budget, single rows that are none, rows of others counted.

use fluxbase_tests::{Answer, TestServer, eventually, fresh_id};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;

async fn outcomes(pool: &PgPool, request_id: &str) -> Vec<String> {
    eventually("the request leaves a row", Duration::from_secs(5), async || !read_outcomes(pool, request_id).await.is_empty()).await;
    read_outcomes(pool, request_id).await
}

async fn read_outcomes(pool: &PgPool, request_id: &str) -> Vec<String> {
    sqlx::query_scalar("select outcome from fluxbase.audit_log where request_id = $1").bind(request_id).fetch_all(pool).await.unwrap()
}

#[tokio::test]
async fn what_cannot_be_read_leaves_a_row_and_costs_budget() {
    let server = TestServer::shared().await;
    let pool = server.superuser().await;
    let arguments = json!({"tabel": "tags", "select": "("});
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query_table", "arguments": arguments}});
    let powerless = server.new_secret(json!({"user": "alice@example.com", "scopes": ["execute:jobs"]})).await;
    for (credential, outcome) in [(server.key("alice"), "invalid"), (powerless.as_str(), "missing_scope")] {
        for request in [server.mcp(credential, &call), server.rest(Method::GET, "tables/tags?select=(", credential)] {
            let id = format!("unread-{}", fresh_id());
            let answer = Answer::to(request.header("X-Request-Id", &id)).await;
            assert_eq!(outcomes(&pool, &id).await, [outcome], "{answer:?}");
            assert_eq!(answer.body.contains("tabel"), outcome == "invalid" && answer.body.contains("jsonrpc"), "{answer:?}");
        }
    }
    let bounded = server.new_secret(json!({"user": "alice@example.com", "scopes": ["read:tables"], "rate_limit": 2})).await;
    for _ in 0..2 {
        server.get("tables/tags?select=(", &bounded).await.problem(400);
    }
    assert_eq!(server.get("tables/tags?select=(", &bounded).await.problem(429), "rate_limited");
    assert!(Answer::to(server.mcp(&bounded, &call)).await.body.contains("rate_limited"));
}

#[tokio::test]
async fn a_single_row_that_an_embed_leaves_out_is_not_written() {
    let server = TestServer::shared().await;
    let pool = server.superuser().await;
    let title = async || sqlx::query_scalar::<_, String>("select title from tasks where id = 1").fetch_one(&pool).await.unwrap();
    let before = title().await;
    let path = "tables/tasks?id=eq.1&select=id,projects!inner(name)&projects.name=eq.nobody-calls-it-so";
    let asked = server.rest(Method::PATCH, path, &server.owner_key()).header("Prefer", "return=representation");
    let asked = asked.header("Accept", "application/vnd.pgrst.object+json").json(&json!({"title": "written all the same"}));
    Answer::to(asked).await.problem(406);
    assert_eq!(title().await, before);
}

#[tokio::test]
async fn only_the_service_is_told_how_many_rows_there_are_of_everybody() {
    let server = TestServer::shared().await;
    let pool = server.superuser().await;
    sqlx::query("analyze public.projects").execute(&pool).await.unwrap();
    let of = |tables: &Value, name: &str| tables.as_array().unwrap().iter().find(|table| table["name"] == name).unwrap()["estimated_rows"].clone();
    let told = async |key: &str| {
        let list = server.get("admin/schema/tables", key).await.json();
        let list = if list.is_array() { list } else { list["items"].clone() };
        let described = server.get("admin/schema/tables/public/projects", key).await.json();
        let tools = server.mcp_ok(key, "list_tables", json!({})).await;
        let tool = server.mcp_ok(key, "describe_table", json!({"table": "projects"})).await;
        [of(&list, "projects"), described["estimated_rows"].clone(), of(&tools["tables"], "public.projects"), tool["estimated_rows"].clone()]
    };
    assert_eq!(told(server.key("alice")).await, [Value::Null, Value::Null, Value::Null, Value::Null]);
    let owner = server.owner_key();
    // What PostgreSQL has counted is seen with the next reading of the catalogue.
    sqlx::query("comment on column public.projects.id is 'Identity'").execute(&pool).await.unwrap();
    eventually("the service is told", Duration::from_secs(20), async || told(&owner).await.iter().all(|rows| rows.as_u64() > Some(200))).await;
}
