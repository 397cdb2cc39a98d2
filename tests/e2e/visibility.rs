//! Who sees what: the same request, by different credentials, at both doors.

use fluxbase_tests::TestServer;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::collections::BTreeSet;

const ALICE: &str = "a11ce000-0000-4000-8000-000000000001";
const BOB: &str = "b0b00000-0000-4000-8000-000000000002";

/// Projects that a user may see, as its owner would count them.
async fn projects_of(pool: &PgPool, user: &str) -> BTreeSet<i64> {
    let sql = "select p.id from projects p where p.owner_id = $1::uuid
               union select m.project_id from project_members m where m.user_id = $1::uuid";
    sqlx::query_scalar(sql).bind(user).fetch_all(pool).await.unwrap().into_iter().collect()
}

fn ids(rows: &[Value], column: &str) -> BTreeSet<i64> {
    rows.iter().map(|row| row[column].as_i64().unwrap_or_else(|| panic!("no {column} in {row}"))).collect()
}

#[tokio::test]
async fn two_users_see_their_own_rows_by_the_same_request() {
    let server = TestServer::shared().await;
    let pool = server.superuser().await;
    for (name, user) in [("alice", ALICE), ("bob", BOB)] {
        let (key, expected) = (server.key(name), projects_of(&pool, user).await);
        assert!(expected.len() > 5);
        let rest = server.get("tables/projects?select=id&id=lte.240", key).await.rows();
        let mcp = server.mcp_ok(key, "query_table", json!({"table": "projects", "select": "id", "filter": {"id": "lte.240"}})).await;
        assert_eq!(ids(&rest, "id"), expected, "{name} over REST");
        assert_eq!(ids(mcp["rows"].as_array().unwrap(), "id"), expected, "{name} over MCP");

        // Rows of tables that hang on them, however they are reached.
        let tasks = server.get("tables/tasks?select=project_id&id=lte.24000", key).await.rows();
        assert_eq!((ids(&tasks, "project_id"), tasks.len()), (expected.clone(), expected.len() * 100), "{name}");
        let comments = server.get("tables/comments?select=tasks(project_id)&id=lte.30000", key).await.rows();
        let comments: Vec<_> = comments.iter().map(|row| row["tasks"].clone()).collect();
        assert!(ids(&comments, "project_id").is_subset(&expected), "{name}");
        let overview = server.get("tables/project_overview?select=id&id=lte.240", key).await.rows();
        assert_eq!(ids(&overview, "id"), expected, "{name} through a view");
    }
}

#[tokio::test]
async fn nobody_changes_or_deletes_a_row_of_somebody_else() {
    let server = TestServer::shared().await;
    let pool = server.superuser().await;
    let key = server.key("alice");
    let before: String = sqlx::query_scalar(FINGERPRINT).bind(BOB).fetch_one(&pool).await.unwrap();
    let theirs = "owner_id=eq.b0b00000-0000-4000-8000-000000000002&id=in.(15,16)";
    let patched = server.rest(reqwest::Method::PATCH, &format!("tables/projects?{theirs}&select=id"), key).header("Prefer", "return=representation");
    assert_eq!(fluxbase_tests::Answer::to(patched.json(&json!({"name": "mine now"}))).await.rows(), Vec::<Value>::new());
    let deleted = server.rest(reqwest::Method::DELETE, &format!("tables/projects?{theirs}"), key).header("Prefer", "return=representation");
    assert_eq!(fluxbase_tests::Answer::to(deleted).await.rows(), Vec::<Value>::new());
    for (tool, arguments) in [
        ("update_record", json!({"table": "projects", "filter": {"id": "in.(15,16)"}, "data": {"name": "mine now"}})),
        ("delete_record", json!({"table": "projects", "filter": {"id": "in.(15,16)"}})),
    ] {
        assert_eq!(server.mcp_ok(key, tool, arguments).await["affected"], 0, "{tool}");
    }
    // A row in somebody else's name is refused by its policy, with PostgreSQL's own code.
    let forged = json!({"owner_id": BOB, "name": "forged", "slug": "forged"});
    assert_eq!(server.send(reqwest::Method::POST, "tables/projects", key, &forged).await.problem(403), "42501");
    assert!(server.mcp_refused(key, "insert_record", json!({"table": "projects", "data": forged})).await.contains("42501"));
    let after: String = sqlx::query_scalar(FINGERPRINT).bind(BOB).fetch_one(&pool).await.unwrap();
    assert_eq!(before, after);
}

/// Everything of a user's projects in one value.
const FINGERPRINT: &str = "select md5(string_agg(p::text, ',' order by id)) from projects p where owner_id = $1::uuid and id <= 240";

#[tokio::test]
async fn a_key_of_nobody_sees_nothing_and_a_service_key_everything() {
    let server = TestServer::shared().await;
    let anon = server.new_secret(json!({"scopes": ["read:tables", "write:tables"]})).await;
    for table in ["users", "tasks", "projects", "tags", "project_overview"] {
        assert_eq!(server.get(&format!("tables/{table}"), &anon).await.rows(), Vec::<Value>::new(), "{table}");
        let answer = server.mcp_ok(&anon, "query_table", json!({"table": table, "count": "exact"})).await;
        assert_eq!((answer["rows"].as_array().map(Vec::len), &answer["count"]), (Some(0), &json!(0)), "{table}");
    }
    let insert = server.send(reqwest::Method::POST, "tables/tags", &anon, &json!({"name": "x", "color": "#000000"})).await;
    assert_eq!(insert.problem(403), "42501");

    let owner = server.owner_key();
    for (table, rows) in [("users?id=neq.00000000-0000-0000-0000-000000000000", 200), ("tasks?id=lte.24000", 24_000), ("projects?id=lte.240", 240)] {
        let asked = server.rest(reqwest::Method::HEAD, &format!("tables/{table}"), &owner).header("Prefer", "count=exact");
        let answer = fluxbase_tests::Answer::to(asked).await;
        let total: u64 = answer.header("content-range").rsplit('/').next().unwrap().parse().unwrap();
        assert!(total >= rows, "{table}: {total}");
        let (table, _) = table.split_once('?').unwrap();
        let counted = server.mcp_ok(&owner, "query_table", json!({"table": table, "select": "id", "count": "exact", "limit": 1})).await;
        assert!(counted["count"].as_u64().unwrap() >= rows, "{table}: {counted}");
    }
}
