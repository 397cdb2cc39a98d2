//! Every action leaves exactly one row in the trail, at each of its doors, refused ones too.

use domain::{Action, access::Requirement};
use fluxbase_tests::{Answer, TestServer, eventually, fresh_id};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;

/// How an action is asked for.
enum Door {
    Rest(Method, String, Value),
    Mcp(Value),
}

/// The doors of an action. A new one without an entry fails here.
fn doors(action: Action) -> Vec<Door> {
    let rest = |method, path: &str, body| Door::Rest(method, path.to_owned(), body);
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    let nobody = fresh_id();
    let filter = json!({"id": "eq.0"});
    let account = json!({"email": format!("{nobody}@example.com"), "password": "correct horse"});
    match action {
        Action::QueryTable => vec![rest(get, "tables/tags?limit=1", Value::Null), Door::Mcp(json!({"table": "tags", "limit": 1}))],
        Action::InsertRecord => {
            vec![rest(post, "tables/comments", json!({"body": "x"})), Door::Mcp(json!({"table": "comments", "data": {"body": "x"}}))]
        }
        Action::UpdateRecord => vec![
            rest(Method::PATCH, "tables/comments?id=eq.0", json!({"body": "x"})),
            Door::Mcp(json!({"table": "comments", "filter": filter, "data": {"body": "x"}})),
        ],
        Action::DeleteRecord => vec![rest(delete, "tables/comments?id=eq.0", Value::Null), Door::Mcp(json!({"table": "comments", "filter": filter}))],
        Action::ListTables => vec![rest(get, "admin/schema/tables", Value::Null), Door::Mcp(json!({}))],
        Action::DescribeTable => vec![rest(get, "admin/schema/tables/public/tags", Value::Null), Door::Mcp(json!({"table": "tags"}))],
        Action::CreateBranch => {
            let name = |door: &str| json!({"name": format!("{door}-{}", &nobody.simple().to_string()[..8])});
            vec![rest(post, "admin/branches", name("rest")), Door::Mcp(name("mcp"))]
        }
        Action::ListBranches => vec![rest(get, "admin/branches", Value::Null), Door::Mcp(json!({}))],
        Action::GetBranch => vec![rest(get, "admin/branches/main", Value::Null), Door::Mcp(json!({"branch": "main"}))],
        Action::UpdateBranch => vec![rest(Method::PATCH, &format!("admin/branches/{nobody}"), json!({"protected": true}))],
        Action::DeleteBranch => vec![rest(delete, "admin/branches/main", Value::Null), Door::Mcp(json!({"branch": "main"}))],
        Action::ResetBranch => vec![rest(post, "admin/branches/main/reset", Value::Null), Door::Mcp(json!({"branch": "main"}))],
        Action::UndoReset => vec![rest(post, "admin/branches/main/undo", Value::Null)],
        Action::SeedBranch => vec![rest(post, &format!("admin/branches/{nobody}/seed"), json!({}))],
        Action::MigrateBranch => {
            vec![rest(post, &format!("admin/branches/{nobody}/migrate"), json!({})), Door::Mcp(json!({"branch": nobody.to_string()}))]
        }
        Action::DiffBranches => {
            vec![rest(get, "admin/branches/main/diff?target=main", Value::Null), Door::Mcp(json!({"branch": "main", "target": "main"}))]
        }
        Action::ProveDiff => vec![rest(post, &format!("admin/branches/{nobody}/diff"), json!({"target": "main"}))],
        Action::ListBranchAccess => vec![rest(get, "admin/branches/main/access", Value::Null)],
        Action::GrantBranchAccess => {
            vec![rest(Method::PUT, &format!("admin/branches/{nobody}/access"), json!({"user": "bob@example.com", "level": "read"}))]
        }
        Action::RevokeBranchAccess => vec![rest(delete, &format!("admin/branches/{nobody}/access/bob@example.com"), Value::Null)],
        Action::IssueConnection => vec![rest(post, &format!("admin/branches/{nobody}/connection"), Value::Null)],
        Action::GetConnection => vec![rest(get, &format!("admin/branches/{nobody}/connection"), Value::Null)],
        Action::ListBranchActivity => vec![rest(get, "admin/branches/main/activity", Value::Null)],
        Action::GetOperation => vec![
            rest(get.clone(), &format!("admin/operations/{nobody}"), Value::Null),
            rest(get, &format!("admin/operations/{nobody}/events"), Value::Null),
            Door::Mcp(json!({"id": nobody.to_string()})),
            Door::Mcp(json!({"id": nobody.to_string(), "wait": 1})),
        ],
        Action::CancelOperation => vec![rest(post, &format!("admin/operations/{nobody}/cancel"), Value::Null)],
        Action::ListMigrations => vec![
            rest(get.clone(), "admin/migrations?branch=nowhere", Value::Null),
            rest(post, "admin/migrations?branch=nowhere", json!({"files": [{"name": "1_a.sql", "sql": "select 1"}]})),
        ],
        Action::RepairMigration => {
            vec![rest(post, &format!("admin/branches/{nobody}/migrations/repair"), json!({"version": 1, "action": "forget"}))]
        }
        Action::BaselineMigrations => vec![rest(post, &format!("admin/branches/{nobody}/migrations/baseline"), json!({}))],
        Action::CreateApiKey => vec![rest(post, "admin/api-keys", json!({"name": "audited"}))],
        Action::ListApiKeys => vec![rest(get, "admin/api-keys", Value::Null)],
        Action::RevokeApiKey => vec![rest(delete, &format!("admin/api-keys/{nobody}"), Value::Null)],
        Action::CreateServiceKey => vec![rest(post, "admin/service-keys", json!({"name": "audited"}))],
        Action::ListServiceKeys => vec![rest(get, "admin/service-keys", Value::Null)],
        Action::RevokeServiceKey => vec![rest(delete, &format!("admin/service-keys/{nobody}"), Value::Null)],
        Action::CreateUser => vec![rest(post, "admin/users", json!({"email": format!("{nobody}@example.com")}))],
        Action::PromoteUser => vec![rest(post, &format!("admin/users/{nobody}/promote"), json!({}))],
        Action::ListUsers => vec![rest(get, "admin/users", Value::Null)],
        Action::ListAudit => vec![rest(get, "admin/audit?limit=1", Value::Null)],
        Action::SignUp => vec![rest(post, "auth/signup", account)],
        Action::SignIn => vec![rest(post, "auth/signin", account)],
        Action::RefreshSession => vec![rest(post, "auth/refresh", json!({"refresh_token": "made up"}))],
        Action::SignOut => vec![rest(post, "auth/signout", Value::Null)],
        Action::GetCurrentUser => vec![rest(get, "auth/user", Value::Null)],
    }
}

fn request(server: &TestServer, action: Action, door: &Door, credential: &str) -> RequestBuilder {
    match door {
        Door::Rest(method, path, Value::Null) => server.rest(method.clone(), path, credential),
        Door::Rest(method, path, body) => server.rest(method.clone(), path, credential).json(body),
        Door::Mcp(arguments) => {
            let params = json!({"name": action.name(), "arguments": arguments});
            server.mcp(credential, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
        }
    }
}

/// The rows of one request: action, door, outcome.
async fn trail(pool: &PgPool, request_id: &str) -> Vec<(String, String, String)> {
    let sql = "select action, door, outcome from fluxbase.audit_log where request_id = $1 order by id";
    sqlx::query_as(sql).bind(request_id).fetch_all(pool).await.unwrap()
}

#[tokio::test]
async fn every_action_leaves_one_row_at_each_of_its_doors() {
    let server = TestServer::shared().await;
    let pool = server.superuser().await;
    let powerless = server.new_secret(json!({"user": "alice@example.com", "scopes": ["execute:jobs"]})).await;
    for action in Action::ALL {
        for credential in [server.owner_key(), server.key("alice").to_owned(), powerless.clone()] {
            for door in doors(*action) {
                let id = format!("audit-{}", fresh_id());
                let asked = request(server, *action, &door, &credential).header("X-Request-Id", &id);
                let answer = Answer::to(asked).await;
                assert!(!answer.status.is_server_error(), "{}: {answer:?}", action.name());
                eventually(&format!("{} leaves a row: {answer:?}", action.name()), Duration::from_secs(5), async || {
                    !trail(&pool, &id).await.is_empty()
                })
                .await;
                let rows = trail(&pool, &id).await;
                let name = if matches!(door, Door::Mcp(_)) { "mcp" } else { "rest" };
                let [(found, at, outcome)] = rows.as_slice() else { panic!("{}: {rows:?}", action.name()) };
                assert_eq!((found.as_str(), at.as_str()), (action.name(), name));
                let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
                let good = answer.status.is_success() && body["result"]["isError"] != true && body["error"].is_null();
                assert_eq!(outcome == "ok", good, "{}: {outcome}: {answer:?}", action.name());
                if credential == powerless && matches!(action.requirement(), Requirement::AnyOf(_)) {
                    assert_eq!(outcome, "missing_scope", "{}: no door leads in without the scope: {answer:?}", action.name());
                }
            }
        }
    }
}

#[tokio::test]
async fn the_trail_is_read_by_who_administers_keys_and_by_nobody_else() {
    let server = TestServer::shared().await;
    let (id, owner) = (format!("trail-{}", fresh_id()), server.owner_key());
    let asked = server.rest(Method::GET, "tables/no_such_table", server.key("alice")).header("X-Request-Id", &id);
    Answer::to(asked).await.problem(404);
    let trail = format!("admin/audit?request_id={id}&action=query_table&since=2026-01-01T00:00:00Z");
    eventually("the refusal is in the trail", Duration::from_secs(5), async || {
        !server.get(&trail, &owner).await.json()["items"].as_array().unwrap().is_empty()
    })
    .await;
    let page = server.get(&trail, &owner).await.json();
    let row = &page["items"][0];
    assert_eq!((&row["request_id"], &row["door"], &row["outcome"]), (&json!(id), &json!("rest"), &json!("not_found")), "{page}");
    assert_eq!((&row["principal_kind"], &row["target"], &page["next_cursor"]), (&json!("api_key"), &json!("no_such_table"), &Value::Null), "{page}");
    assert!(row["principal_id"].is_string() && row["user_id"].is_string() && row["at"].is_string(), "{page}");
    assert_eq!(server.get(&format!("{trail}&outcome=ok"), &owner).await.json()["items"], json!([]));
    assert_eq!(server.get(&format!("{trail}&user_id={}", fresh_id()), &owner).await.json()["items"], json!([]));

    let first = server.get("admin/audit?limit=1", &owner).await.json();
    let second = server.get(&format!("admin/audit?limit=1&cursor={}", first["next_cursor"].as_str().unwrap()), &owner).await.json();
    assert!(second["items"][0]["id"].as_i64() < first["items"][0]["id"].as_i64(), "{first} {second}");
    for wrong in
        ["since=yesterday", "action=QUERY_TABLE", "outcome=", "branch=A%00b", "user_id=alice", "limit=0", "cursor=x", "key=x", "request_id=%00"]
    {
        let refused = server.get(&format!("admin/audit?{wrong}"), &owner).await;
        assert!(refused.status == 400 || refused.status == 422, "{wrong}: {refused:?}");
    }
    for credential in [server.key("alice"), server.key("bob")] {
        assert_eq!(server.get(&trail, credential).await.problem(403), "missing_scope");
    }
    assert_eq!(server.get(&trail, "").await.problem(401), "unauthenticated");
    // Who is held to a branch is told nothing of the others.
    let held = server.new_secret(json!({"scopes": ["admin:keys", "read:tables"], "branch": "main"})).await;
    assert_eq!(server.get(&trail, &held).await.problem(403), "protected");
}
