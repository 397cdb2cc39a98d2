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
    a_pinned_key_goes_as_far_as_its_user(&server).await;
    nobody_pins_a_key_to_what_they_do_not_see(&server).await;
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

/// A key that is held to the branch `hers`, made by `maker`.
async fn pinned(server: &TestServer, maker: &str, user: Option<&str>) -> Answer {
    let body = json!({"name": "pinned", "user": user, "scopes": ["read:tables", "write:tables"], "branch": "hers"});
    server.send(Method::POST, "admin/api-keys", maker, &body).await
}

/// Reads and writes, by REST and by MCP, of Bob's key while he may do nothing, read, write, and nothing again.
async fn a_pinned_key_goes_as_far_as_its_user(server: &TestServer) {
    let made = pinned(server, &server.owner_key(), Some("bob@example.com")).await;
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let tag = json!({"name": "of-bob", "color": "#000000"});
    for (level, [reads, writes]) in [(None, [false; 2]), (Some("read"), [true, false]), (Some("write"), [true; 2]), (None, [false; 2])] {
        match level {
            Some(level) => {
                let grant = json!({"user": "bob@example.com", "level": level});
                assert!(server.send(Method::PUT, "admin/branches/hers/access", server.key("alice"), &grant).await.status.is_success());
            }
            None => {
                Answer::to(server.rest(Method::DELETE, "admin/branches/hers/access/bob@example.com", server.key("alice"))).await;
            }
        }
        let read = server.get("tables/tags?limit=1", &key).await;
        let read_by_tool = server.mcp_call(&key, "query_table", json!({"table": "tags", "limit": 1})).await.to_string();
        let write = server.send(Method::POST, "tables/tags", &key, &tag).await;
        let write_by_tool = server.mcp_call(&key, "insert_record", json!({"table": "tags", "data": tag})).await.to_string();
        for (allowed, by_rest, by_tool) in [(reads, read, read_by_tool), (writes, write, write_by_tool)] {
            // What row level security says of Bob's rows is not what is asked here.
            let refused = by_rest.status == 403 && by_rest.json()["code"] == "branch_access_denied";
            assert_eq!(refused, !allowed, "{level:?}: {by_rest:?}");
            assert_eq!(by_tool.contains("branch_access_denied"), !allowed, "{level:?}: {by_tool}");
        }
    }
}

async fn nobody_pins_a_key_to_what_they_do_not_see(server: &TestServer) {
    let maker = |scopes: Value| async move {
        let body = json!({"name": "maker", "scopes": scopes});
        server.send(Method::POST, "admin/service-keys", &server.owner_key(), &body).await.json()["key"].as_str().unwrap().to_owned()
    };
    let keys = maker(json!(["admin:keys", "read:tables", "write:tables"])).await;
    let branches = maker(json!(["admin:keys", "admin:branches", "read:tables", "write:tables"])).await;
    let missing = json!({"name": "pinned", "scopes": ["read:tables"], "branch": "nobodys"});
    let missing = server.send(Method::POST, "admin/api-keys", &keys, &missing).await;
    for user in [Some("bob@example.com"), Some("alice@example.com"), None] {
        let refused = pinned(server, &keys, user).await;
        assert_eq!(refused.problem(404), "not_found");
        assert_eq!(refused.json()["detail"].as_str().unwrap().replace("hers", "nobodys"), missing.json()["detail"]);
    }
    // A key of nobody is let in by whoever has the branch, and acts as `anon` there.
    let key = pinned(server, &branches, None).await.json()["key"].as_str().unwrap().to_owned();
    let read = server.get("tables/tags?limit=1", &key).await;
    assert!(read.status == 200 || read.json()["code"] == "42501", "{read:?}");
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
    assert!(refused.contains("is being made"), "{refused}");
    let premature = server.rest(Method::DELETE, "admin/branches/later", server.key("alice"));
    assert_eq!(Answer::to(premature).await.status, 409);

    holding.rollback().await.unwrap();
    is_ready(&server, "later").await;
    assert_eq!(server.get("tables/projects?limit=1&branch=later", server.key("alice")).await.rows().len(), 1);
}
