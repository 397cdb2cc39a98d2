//! The life of a branch through REST and MCP: long work is answered at once and followed to its end, hosts lead to branches, both doors say the same.

use fluxbase_tests::{Answer, ServerSettings, TestServer, as_key, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::OnceCell;

/// A server whose branches have hosts.
async fn server() -> &'static TestServer {
    static SERVER: OnceCell<TestServer> = OnceCell::const_new();
    let settings = || ServerSettings::new().set("server.branch_domain", "branches.localhost").set("branching.max_branches_per_user", "50");
    SERVER.get_or_init(|| settings().set("branching.max_total_branches", "50").start()).await
}

/// The operation's states, as they were streamed until its end.
async fn followed(server: &TestServer, key: &str, answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 202, "{answer:?}");
    let (id, location) = (answer.json()["operation"]["id"].clone(), answer.header("location").to_owned());
    assert_eq!(location, format!("/api/v1/admin/operations/{}", id.as_str().unwrap()));
    let stream = Answer::to(as_key(server.http().get(format!("{}{location}/events", server.url())), key)).await;
    assert_eq!(stream.header("content-type"), "text/event-stream");
    assert!(stream.body.contains("id: final\ndata:"), "{stream:?}");
    let states: Vec<Value> =
        stream.body.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| serde_json::from_str(data).unwrap()).collect();
    // Who comes back for more is told that there is none.
    let again = as_key(server.http().get(format!("{}{location}/events", server.url())), key).header("Last-Event-ID", "final");
    assert_eq!(Answer::to(again).await.status, 204);
    states
}

async fn made(server: &TestServer, key: &str, body: Value) -> Value {
    let answer = server.send(Method::POST, "admin/branches", key, &body).await;
    let states = followed(server, key, &answer).await;
    assert_eq!(states.last().unwrap()["status"], "succeeded", "{states:?}");
    let slug = answer.json()["branch"]["slug"].as_str().unwrap().to_owned();
    server.get(&format!("admin/branches/{slug}"), key).await.json()
}

#[tokio::test]
async fn a_branch_is_made_reset_brought_back_and_deleted_over_rest() {
    let (server, key) = (server().await, server().await.key("alice"));
    let github = json!({"repository": "octo/repo", "pr_number": 7});
    let branch = made(server, key, json!({"name": "rest/life", "data_clone_mode": "full_clone", "github": github, "expires_in": "2h"})).await;
    assert_eq!((&branch["status"], &branch["github"], &branch["health"]["reachable"]), (&json!("ready"), &github, &json!(true)), "{branch}");
    assert!(branch["migrations"].is_object() && branch["data_as_of"].is_string() && branch["expires_at"].is_string(), "{branch}");

    let rows = async || {
        let asked = server.rest(Method::GET, "tables/tags?name=eq.only here", key).header("X-Fluxbase-Branch", "rest-life");
        Answer::to(asked).await.rows().len()
    };
    let owner = server.owner_key();
    let inserted = server.rest(Method::POST, "tables/tags?branch=rest-life", &owner).json(&json!({"name": "only here", "color": "#aabbcc"}));
    let inserted = Answer::to(inserted).await;
    assert_eq!(inserted.status, 201, "{inserted:?}");
    assert_eq!(rows().await, 1);
    let answer = Answer::to(server.rest(Method::POST, "admin/branches/rest-life/reset", key)).await;
    assert_eq!(followed(server, key, &answer).await.last().unwrap()["status"], "succeeded");
    assert_eq!(rows().await, 0, "it is as its parent is");
    assert!(server.get("admin/branches/rest-life", key).await.json()["previous"]["until"].is_string());
    let answer = Answer::to(server.rest(Method::POST, "admin/branches/rest-life/undo", key)).await;
    followed(server, key, &answer).await;
    assert_eq!(rows().await, 1, "and back");
    assert_eq!(Answer::to(server.rest(Method::POST, "admin/branches/rest-life/undo", key)).await.problem(409), "nothing_to_undo");

    let patched = server.send(Method::PATCH, "admin/branches/rest-life", key, &json!({"protected": true, "expires_in": null, "name": "Kept"})).await;
    assert_eq!(
        (&patched.json()["name"], &patched.json()["slug"], &patched.json()["expires_at"]),
        (&json!("Kept"), &json!("rest-life"), &Value::Null)
    );
    assert_eq!(Answer::to(server.rest(Method::DELETE, "admin/branches/rest-life?force=true", key)).await.problem(409), "branch_protected");
    server.send(Method::PATCH, "admin/branches/rest-life", key, &json!({"protected": false})).await;
    let answer = Answer::to(server.rest(Method::DELETE, "admin/branches/rest-life", key)).await;
    followed(server, &server.owner_key(), &answer).await;
    assert_eq!(server.get("admin/branches/rest-life", key).await.problem(404), "not_found");
}

#[tokio::test]
async fn a_difference_is_told_three_ways_and_proved() {
    let (server, key) = (server().await, server().await.key("alice"));
    made(server, key, json!({"name": "differs"})).await;
    let equal = server.get("admin/branches/differs/diff", key).await.json();
    assert_eq!((&equal["summary"], &equal["script"]), (&json!({"added": 0, "removed": 0, "changed": 0}), &json!("")), "{equal}");
    assert_eq!(equal["source_fingerprint"], equal["target_fingerprint"]);

    let connection = Answer::to(server.rest(Method::POST, "admin/branches/differs/connection", key)).await.json();
    let pool = sqlx::PgPool::connect(connection["url"].as_str().unwrap()).await.unwrap();
    sqlx::query("create table public.labels (id bigint primary key)").execute(&pool).await.unwrap();
    pool.close().await;
    assert_eq!(server.get("admin/branches/differs/connection", key).await.json()["user"], connection["user"]);

    let diff = server.get("admin/branches/differs/diff?target=main", key).await.json();
    let objects = diff["objects"].as_array().unwrap();
    assert!(objects.iter().any(|object| object["kind"] == "table" && object["identity"] == "public.labels" && object["change"] == "added"), "{diff}");
    let text = server.get("admin/branches/differs/diff?format=text", key).await;
    assert!(text.header("content-type").starts_with("text/plain") && text.body.contains("+CREATE TABLE public.labels"), "{text:?}");
    let script = server.get("admin/branches/differs/diff?format=sql", key).await.body;
    assert!(script.starts_with("-- Turns the schema of branch 'main'") && script.ends_with(diff["script"].as_str().unwrap()), "{script}");
    let answer = server.send(Method::POST, "admin/branches/differs/diff", key, &json!({"target": "main"})).await;
    let states = followed(server, key, &answer).await;
    let result = &states.last().unwrap()["result"];
    assert_eq!((&result["proved"], &result["copy"]["rows"], &result["diff"]["script"]), (&json!(true), &json!(false), &diff["script"]), "{states:?}");

    let told = server.mcp_ok(key, "diff_branches", json!({"branch": "differs"})).await;
    assert_eq!((&told["script"], &told["summary"]), (&diff["script"], &diff["summary"]));
}

#[tokio::test]
async fn access_goes_as_far_as_its_level() {
    let (server, alice, bob) = (server().await, server().await.key("alice"), server().await.key("bob"));
    made(server, alice, json!({"name": "shared"})).await;
    assert_eq!(server.get("admin/branches/shared", bob).await.problem(403), "branch_access_denied");
    let grant = json!({"user": "bob@example.com", "level": "read"});
    assert_eq!(server.send(Method::PUT, "admin/branches/shared/access", alice, &grant).await.json()["level"], "read");
    assert_eq!(server.get("admin/branches/shared", bob).await.status, 200);
    let refused = Answer::to(server.rest(Method::POST, "admin/branches/shared/connection", bob)).await;
    assert_eq!(refused.status, 403, "reading is not connecting: {refused:?}");
    assert_eq!(server.get("admin/branches/shared/access", alice).await.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(Answer::to(server.rest(Method::DELETE, "admin/branches/shared/access/bob@example.com", alice)).await.status, 204);
    eventually("the access is gone", Duration::from_secs(5), async || server.get("admin/branches/shared", bob).await.status == 403).await;

    // Whoever may take it away sees that it went.
    let grant = json!({"user": "bob@example.com", "level": "admin"});
    assert_eq!(server.send(Method::PUT, "admin/branches/shared/access", alice, &grant).await.status, 200);
    let begun = Answer::to(server.rest(Method::DELETE, "admin/branches/shared", bob)).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    let operation = format!("admin/operations/{}", begun.json()["operation"]["id"].as_str().unwrap());
    eventually("the branch is gone", Duration::from_mins(1), async || {
        let seen = server.get(&operation, bob).await;
        assert_eq!(seen.status, 200, "{seen:?}");
        seen.json()["status"] == "succeeded"
    })
    .await;
    assert_eq!(server.get("admin/branches/shared", bob).await.problem(404), "not_found");
}

#[tokio::test]
async fn a_host_of_a_branch_leads_to_it_at_both_doors() {
    let (server, key) = (server().await, server().await.key("alice"));
    made(server, key, json!({"name": "hosted", "data_clone_mode": "schema_only"})).await;
    let rest = async |host: &str, header: Option<&str>| {
        let asked = server.rest(Method::GET, "tables/tasks?limit=1", key).header("Host", host);
        Answer::to(header.iter().fold(asked, |asked, branch| asked.header("X-Fluxbase-Branch", *branch))).await
    };
    assert_eq!(rest("localhost", None).await.rows().len(), 1, "main has rows");
    assert_eq!(rest("hosted.branches.localhost", None).await.rows().len(), 0, "a branch of definitions alone has none");
    assert_eq!(rest("HOSTED.branches.localhost:8080", Some("hosted")).await.status, 200);
    assert_eq!(rest("hosted.branches.localhost", Some("main")).await.problem(400), "branch_mismatch");
    assert_eq!(rest("nowhere.branches.localhost", None).await.problem(404), "not_found");

    let call =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query_table", "arguments": {"table": "tasks", "limit": 1}}});
    let mcp = async |host: &str| Answer::to(server.mcp(key, &call).header("Host", host)).await;
    assert_eq!(mcp("hosted.branches.localhost").await.json()["result"]["structuredContent"]["rows"], json!([]));
    assert_eq!(mcp("localhost").await.json()["result"]["structuredContent"]["rows"].as_array().unwrap().len(), 1);
    assert_eq!(mcp("branches.localhost.evil.example").await.status, 403);
}

#[tokio::test]
async fn a_branch_is_named_by_its_id_wherever_its_data_is_asked_for() {
    let (server, key) = (server().await, server().await.key("alice"));
    let branch = made(server, key, json!({"name": "secret-deal", "data_clone_mode": "schema_only"})).await;
    let (id, main) = (branch["id"].as_str().unwrap(), branch["parent_id"].as_str().unwrap());
    let rest = async |query: &str, header: Option<&str>, key: &str| {
        let asked = server.rest(Method::GET, &format!("tables/tasks?limit=1{query}"), key);
        Answer::to(header.iter().fold(asked, |asked, branch| asked.header("X-Fluxbase-Branch", *branch))).await
    };
    let query = format!("&branch={id}");
    assert_eq!(rest("", Some(id), key).await.rows().len(), 0, "a branch of definitions alone has none");
    assert_eq!(rest(&query, Some("secret-deal"), key).await.rows().len(), 0);
    assert_eq!(rest("", Some(main), key).await.rows().len(), 1);
    assert_eq!(rest(&query, Some("main"), key).await.problem(400), "branch_mismatch");
    assert_eq!(rest("", Some("11111111-1111-4111-8111-111111111111"), key).await.problem(404), "not_found");
    assert_eq!(server.get(&format!("admin/migrations?branch={id}"), key).await.status, 200);

    let bob = server.key("bob");
    let refused = rest("", Some(id), bob).await;
    assert_eq!(refused.problem(403), "branch_access_denied");
    assert!(!refused.body.contains("secret"), "{refused:?}");
    let refused = server.mcp_refused(bob, "query_table", json!({"table": "tasks", "branch": id})).await;
    assert!(refused.contains(id) && !refused.contains("secret"), "{refused}");

    assert_eq!(server.mcp_ok(key, "query_table", json!({"table": "tasks", "branch": id})).await["rows"], json!([]));
    let mut arguments = json!({"table": "tasks", "branch": main, "limit": 1, "select": "id"});
    let first = server.mcp_ok(key, "query_table", arguments.clone()).await;
    arguments["cursor"] = first["nextCursor"].clone();
    let second = server.mcp_ok(key, "query_table", arguments).await;
    assert!(second["rows"].as_array().unwrap().len() == 1 && second["rows"] != first["rows"], "{first} {second}");
}

#[tokio::test]
async fn an_assistant_makes_a_branch_works_on_it_and_takes_it_away() {
    let (server, key) = (server().await, server().await.key("alice"));
    let made = server.mcp_ok(key, "create_branch", json!({"name": "agents", "wait": 50})).await;
    assert_eq!((&made["branch"]["status"], &made["operation"]["status"]), (&json!("ready"), &json!("succeeded")), "{made}");
    let listed = server.mcp_ok(key, "list_branches", json!({})).await;
    assert!(listed["branches"].as_array().unwrap().iter().any(|branch| branch["slug"] == "agents"), "{listed}");
    assert_eq!(server.mcp_ok(key, "get_branch", json!({"branch": "agents"})).await["health"]["reachable"], true);
    assert_eq!(server.mcp_ok(key, "query_table", json!({"table": "tasks", "branch": "agents"})).await["rows"], json!([]));
    let begun = server.mcp_ok(key, "reset_branch", json!({"branch": "agents"})).await;
    let id = begun["operation"]["id"].clone();
    assert!(begun["operation"]["next"].as_str().unwrap().contains("get_operation"), "{begun}");
    let ended = server.mcp_ok(key, "get_operation", json!({"id": id, "wait": 50})).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    let gone = server.mcp_ok(key, "delete_branch", json!({"branch": "agents", "wait": 50})).await;
    assert_eq!(gone["branch"]["status"], "deleted", "{gone}");
    let refused = server.mcp_refused(key, "get_branch", json!({"branch": "agents"})).await;
    assert!(refused.contains("list_branches"), "it says where to look: {refused}");
    let read = server.mcp_ask(key, "resources/read", json!({"uri": "fluxbase://branches"})).await;
    assert!(read["result"]["contents"][0]["text"].as_str().unwrap().contains("main"), "{read}");
}
