//! Who reaches a branch, by which way, and that what is written there stays there.

use crate::world::PATIENCE;
use fluxbase_tests::{Answer, TestServer, eventually};
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) const ALICE: &str = "a11ce000-0000-4000-8000-000000000001";

/// A schema-only or full branch of Alice's, ready.
pub(crate) async fn branch_of_alice(server: &TestServer, name: &str, mode: &str) {
    let body = json!({"name": name, "data_clone_mode": mode});
    let answer = server.send(Method::POST, "admin/branches", server.key("alice"), &body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    is_ready(server, name).await;
}

async fn is_ready(server: &TestServer, slug: &str) {
    eventually(&format!("{slug} is ready"), PATIENCE, async || {
        server.get(&format!("admin/branches/{slug}"), server.key("alice")).await.json()["status"] == "ready"
    })
    .await;
}

async fn through(server: &TestServer, credential: &str, method: Method, path: &str, branch: &str, body: &Value) -> Answer {
    let request = server.rest(method, path, credential).header("X-Fluxbase-Branch", branch).json(body);
    Answer::to(request).await
}

async fn names(server: &TestServer, path: &str) -> Vec<String> {
    let rows = server.get(path, server.key("alice")).await.rows();
    rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

fn project(slug: &str) -> Value {
    json!({"owner_id": ALICE, "name": slug, "slug": slug})
}

#[tokio::test]
async fn a_branch_and_main_do_not_see_each_others_writes_by_any_way() {
    let server = TestServer::start().await;
    let alice = server.key("alice");
    branch_of_alice(&server, "apart", "full_clone").await;
    let by_header = through(&server, alice, Method::POST, "tables/projects", "apart", &project("by-header")).await;
    assert_eq!(by_header.status, 201, "{by_header:?}");
    let by_query = server.send(Method::POST, "tables/projects?branch=apart", alice, &project("by-query")).await;
    assert_eq!(by_query.status, 201, "{by_query:?}");
    server.mcp_ok(alice, "insert_record", json!({"table": "projects", "data": project("by-tool"), "branch": "apart"})).await;
    assert_eq!(server.send(Method::POST, "tables/projects", alice, &project("on-main")).await.status, 201);

    let ours = "tables/projects?select=name&order=name&slug=in.(by-header,by-query,by-tool,on-main)";
    assert_eq!(names(&server, &format!("{ours}&branch=apart")).await, ["by-header", "by-query", "by-tool"]);
    assert_eq!(names(&server, ours).await, ["on-main"]);
    let by_tool = json!({"table": "projects", "select": "name", "filter": {"slug": "like.by-*"}, "order": "name", "branch": "apart"});
    assert_eq!(server.mcp_ok(alice, "query_table", by_tool).await["rows"].as_array().unwrap().len(), 3);
    let on_main = json!({"table": "projects", "select": "name", "filter": {"slug": "like.by-*"}});
    assert_eq!(server.mcp_ok(alice, "query_table", on_main).await["rows"], json!([]));

    let renamed = through(&server, alice, Method::PATCH, "tables/projects?id=eq.1", "apart", &json!({"name": "renamed"})).await;
    assert!(renamed.status.is_success(), "{renamed:?}");
    assert_ne!(names(&server, "tables/projects?select=name&id=eq.1").await, ["renamed"]);
    let gone = through(&server, alice, Method::DELETE, "tables/projects?slug=eq.on-main", "apart", &json!(null)).await;
    assert!(gone.status.is_success(), "{gone:?}");
    assert_eq!(names(&server, ours).await, ["on-main"]);
}

#[tokio::test]
async fn who_may_not_use_a_branch_is_told_why() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.key("alice").to_owned(), server.key("bob").to_owned());
    branch_of_alice(&server, "hers", "schema_only").await;
    let read = async |credential: &str, branch: &str, query: &str| {
        through(&server, credential, Method::GET, &format!("tables/projects?limit=1{query}"), branch, &json!(null)).await
    };
    assert_eq!(read(&alice, "hers", "").await.status, 200);
    assert_eq!(read(&server.owner_key(), "hers", "").await.status, 200);
    assert_eq!(read(&bob, "hers", "").await.problem(403), "branch_access_denied");
    assert_eq!(read(&alice, "nobodys", "").await.problem(404), "not_found");
    assert_eq!(read(&alice, "hers", "&branch=main").await.problem(400), "branch_mismatch");
    assert_eq!(read(&alice, "hers", "&branch=hers").await.status, 200);
    let refused = server.mcp_refused(&bob, "query_table", json!({"table": "projects", "branch": "hers"})).await;
    assert!(refused.contains("hers"), "{refused}");
    for (method, path) in
        [(Method::GET, "admin/branches/hers"), (Method::DELETE, "admin/branches/hers"), (Method::GET, "admin/branches/hers/activity")]
    {
        let status = Answer::to(server.rest(method.clone(), path, &bob)).await.status;
        assert!(status == 403 || status == 404, "{method} {path}: {status}");
    }

    pinned_keys_stay_where_they_are(&server).await;
    activity_tells_who_did_what(&server).await;
}

async fn pinned_keys_stay_where_they_are(server: &TestServer) {
    let body = json!({"name": "pinned", "user": "alice@example.com", "scopes": ["read:tables", "write:tables"], "branch": "hers"});
    let made = server.send(Method::POST, "admin/api-keys", &server.owner_key(), &body).await;
    assert!(made.status.is_success(), "{made:?}");
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let person = json!({"id": ALICE, "email": "alice@example.com", "full_name": "Alice"});
    assert_eq!(server.send(Method::POST, "tables/users", &key, &person).await.status, 201);
    assert_eq!(server.send(Method::POST, "tables/projects", &key, &project("pinned")).await.status, 201);
    assert_eq!(names(server, "tables/projects?select=name&slug=eq.pinned&branch=hers").await, ["pinned"]);
    assert_eq!(names(server, "tables/projects?select=name&slug=eq.pinned").await, Vec::<String>::new());
    assert_eq!(server.get("tables/projects?branch=hers", &key).await.status, 200);
    assert_eq!(server.get("tables/projects?branch=main", &key).await.problem(400), "branch_mismatch");
    let elsewhere = server.mcp_refused(&key, "query_table", json!({"table": "projects", "branch": "main"})).await;
    assert!(elsewhere.contains("hers"), "{elsewhere}");
}

async fn activity_tells_who_did_what(server: &TestServer) {
    let found = server.get("admin/branches/hers/activity", server.key("alice")).await.json();
    let told: Vec<_> =
        found["items"].as_array().unwrap().iter().map(|item| (item["actor"].as_str().unwrap(), item["action"].as_str().unwrap())).collect();
    assert_eq!(told[0], ("fluxbase", "created"), "{told:?}");
    assert!(told.last().is_some_and(|(actor, action)| actor.contains(ALICE) && *action == "create_requested"), "{told:?}");
}

#[tokio::test]
async fn a_branch_that_is_being_made_is_not_there_yet() {
    let server = TestServer::start().await;
    let main = server.superuser().await;
    // Nothing can be read of the parent while this is held: the clone waits.
    let mut holding = main.begin().await.unwrap();
    sqlx::query("lock table public.tags in access exclusive mode").execute(&mut *holding).await.unwrap();
    let body = json!({"name": "later", "data_clone_mode": "full_clone"});
    assert_eq!(server.send(Method::POST, "admin/branches", server.key("alice"), &body).await.status, 202);
    let early = server.get("tables/projects?limit=1&branch=later", server.key("alice")).await;
    assert_eq!(early.problem(503), "unavailable");
    assert!(early.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0), "{early:?}");
    let refused = server.mcp_refused(server.key("alice"), "query_table", json!({"table": "projects", "branch": "later"})).await;
    assert!(refused.contains("creating"), "{refused}");
    let premature = server.rest(Method::DELETE, "admin/branches/later", server.key("alice"));
    assert_eq!(Answer::to(premature).await.status, 409);

    holding.rollback().await.unwrap();
    is_ready(&server, "later").await;
    assert_eq!(server.get("tables/projects?limit=1&branch=later", server.key("alice")).await.rows().len(), 1);
}
