//! What callers send is never SQL: every attempt is a clear refusal or finds nothing, and no row of anybody else comes with it.

use crate::raw::send_raw;
use fluxbase_tests::{Answer, TestServer};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};

/// A query string, encoded as browsers do.
fn query(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A refusal of the client's own making, told as a problem; never a failure of the server's.
#[track_caller]
fn refused_clearly(answer: &Answer, what: &str) {
    assert!(answer.status.is_client_error(), "{what}: {answer:?}");
    answer.problem(answer.status.as_u16());
    told_without_sql(&answer.body, what);
}

/// What is told may repeat the client's words, but nothing of the statement behind it.
#[track_caller]
fn told_without_sql(text: &str, what: &str) {
    for inner in ["SELECT ", "json_agg", "to_jsonb", "pg_catalog.", "fluxbase_", "request.jwt", "/src/"] {
        assert!(!text.contains(inner) || what.contains(inner), "{what}: {text}");
    }
}

#[tokio::test]
async fn a_nul_byte_is_refused_wherever_it_is() {
    let server = TestServer::shared().await;
    let owner = server.owner_key();
    for (path, body) in [
        ("admin/api-keys", json!({"name": "a\0b"})),
        ("admin/api-keys", json!({"name": "n", "user": "a\0b"})),
        ("admin/api-keys", json!({"name": "n", "tables": ["a\0b"]})),
        ("admin/api-keys", json!({"name": "n", "branch": "a\0b"})),
        ("admin/service-keys", json!({"name": "a\0b"})),
        ("admin/users", json!({"email": "a\0b@example.com"})),
        ("admin/branches", json!({"name": "a\0b"})),
        ("auth/signin", json!({"email": "alice@example.com", "password": "a\0b"})),
        ("auth/refresh", json!({"refresh_token": "a\0b"})),
        ("tables/comments", json!({"body": "a\0b"})),
        ("tables/comments", json!({"a\0b": "body"})),
    ] {
        refused_clearly(&server.send(Method::POST, path, &owner, &body).await, path);
    }
    for path in
        ["tables/a%00b", "tables/tags?branch=%00", "tables/tags?name=eq.%00", "admin/branches/%00", "admin/users?cursor=%00", "admin/operations/%00"]
    {
        refused_clearly(&server.get(path, &owner).await, path);
    }
}

/// Names and values that have meant something else to somebody once.
const HOSTILE: &[&str] = &[
    "set_config('request.jwt.claims','{}',true)",
    "pg_sleep(5)",
    "(select 1)",
    "(select email from auth.users limit 1)",
    "current_user",
    "id::regclass",
    "id::text::regproc",
    "id::\"char\"",
    "id||title",
    "id;drop table tasks",
    "id--",
    "id/**/",
    "id\" from auth.users --",
    "\"id\"\" from auth.users --\"",
    "id' or '1'='1",
    "auth.users",
    "pg_catalog.pg_authid",
    "xmin",
    "ctid",
    "tableoid",
    "tasks.*",
    "tasks",
    "*;",
    "$1",
    "{}",
    "\\",
    "id\u{0}",
    "details->>'a'",
    "details->'a'||'b'",
    "lo_import(id)",
    "id.set_config()",
    "id.pg_sleep()",
    "version()",
];

#[tokio::test]
async fn no_place_of_a_request_takes_sql() {
    let server = TestServer::shared().await;
    let alice = server.key("alice");
    for hostile in HOSTILE {
        for (place, pairs) in [
            ("select", vec![("select", *hostile)]),
            ("order", vec![("order", *hostile)]),
            ("filter", vec![(*hostile, "eq.1")]),
            ("group", vec![("or", *hostile)]),
            ("embed", vec![("select", "id,projects(name)"), ("projects.order", *hostile)]),
            ("operator", vec![("id", *hostile)]),
        ] {
            // A whole row or a table can be named by nobody, but an embed without a list is a column that is not there.
            let what = format!("{place}: {hostile}");
            refused_clearly(&server.get(&format!("tables/tasks?limit=1&{}", query(&pairs)), alice).await, &what);
        }
        for (place, method, pairs) in [
            ("columns", Method::POST, vec![("columns", *hostile)]),
            ("columns of a change", Method::PATCH, vec![("id", "eq.1"), ("columns", *hostile)]),
            ("on_conflict", Method::POST, vec![("on_conflict", *hostile)]),
            ("returned", Method::POST, vec![("select", *hostile)]),
        ] {
            let request = server.rest(method, &format!("tables/comments?{}", query(&pairs)), alice);
            let request = request.header("Prefer", "resolution=merge-duplicates,return=representation").json(&json!({"body": "x", "task_id": 1}));
            refused_clearly(&Answer::to(request).await, &format!("{place}: {hostile}"));
        }
        let key = json!({*hostile: 1, "body": "x"});
        refused_clearly(&server.send(Method::POST, "tables/comments", alice, &key).await, &format!("key of a row: {hostile}"));
        let path = utf8_percent_encode(hostile, NON_ALPHANUMERIC);
        if *hostile != "tasks" {
            for path in [format!("tables/{path}"), format!("tables/public/{path}"), format!("tables/{path}/users")] {
                refused_clearly(&server.get(&path, alice).await, &format!("{path}: {hostile}"));
            }
        }
    }
}

#[tokio::test]
async fn no_argument_of_a_tool_takes_sql() {
    let server = TestServer::shared().await;
    let alice = server.key("alice");
    for hostile in HOSTILE {
        for (tool, arguments) in [
            ("query_table", json!({"table": "tasks", "select": hostile})),
            ("query_table", json!({"table": "tasks", "order": hostile})),
            ("query_table", json!({"table": "tasks", "filter": {*hostile: "eq.1"}})),
            ("query_table", json!({"table": "tasks", "filter": {"id": hostile}})),
            ("query_table", json!({"table": "tasks", "filter": {"or": [{*hostile: "eq.1"}, {"id": "eq.1"}]}})),
            ("query_table", json!({"table": format!("{hostile}x")})),
            ("query_table", json!({"table": "tasks", "cursor": hostile})),
            ("query_table", json!({"table": "tasks", "branch": hostile})),
            ("describe_table", json!({"table": format!("x.{hostile}")})),
            ("insert_record", json!({"table": "comments", "data": {*hostile: 1}})),
            ("insert_record", json!({"table": "comments", "data": {"body": "x", "task_id": 1}, "on_conflict": hostile})),
            ("update_record", json!({"table": "comments", "filter": {"id": "eq.1"}, "data": {*hostile: 1}})),
            ("update_record", json!({"table": "comments", "filter": {"id": "eq.1"}, "data": {"body": "x"}, "returning": hostile})),
            ("delete_record", json!({"table": "comments", "filter": {*hostile: "eq.1"}})),
        ] {
            let what = format!("{tool} {arguments}");
            let answer = server.mcp_call(alice, tool, arguments).await;
            assert!(answer["result"]["isError"] == true || answer["error"].is_object(), "{what}: {answer}");
            assert!(!answer.to_string().contains("internal"), "{what}: {answer}");
            told_without_sql(&answer.to_string(), &what);
        }
    }
}

#[tokio::test]
async fn hostile_values_are_values() {
    let server = TestServer::shared().await;
    let alice = server.key("alice");
    let ours = server.get("tables/tasks?select=id&limit=1", alice).await.rows();
    assert_eq!(ours.len(), 1);
    for value in
        ["' or 1=1 --", "\" or 1=1 --", "$1", "\\'; drop table tasks; --", "%' or '1'='1", "'||set_config('role','postgres',true)||'", "\u{202e}"]
    {
        for operator in ["eq", "like", "ilike", "fts", "plfts", "phfts", "wfts"] {
            let answer = server.get(&format!("tables/tasks?{}", query(&[("title", &format!("{operator}.{value}")), ("select", "id")])), alice).await;
            // Some are no query of full text search.
            if answer.status.is_success() {
                assert_eq!(answer.rows(), Vec::<Value>::new(), "{operator}.{value}");
            } else {
                refused_clearly(&answer, value);
            }
        }
        let listed =
            server.get(&format!("tables/tasks?{}", query(&[("title", &format!("in.(\"{}\")", value.replace(['\\', '"'], "")))])), alice).await;
        assert_eq!(listed.rows(), Vec::<Value>::new(), "{value}");
        // What is written comes back letter by letter.
        let row = json!({"task_id": 1, "author_id": "a11ce000-0000-4000-8000-000000000001", "body": value});
        let request = server.rest(Method::POST, "tables/comments?select=body", alice).header("Prefer", "return=representation").json(&row);
        assert_eq!(Answer::to(request).await.rows(), [json!({"body": value})]);
        let over_mcp = server.mcp_ok(alice, "insert_record", json!({"table": "comments", "data": row, "returning": "body"})).await;
        assert_eq!(over_mcp["rows"], json!([{"body": value}]));
    }
}

#[tokio::test]
async fn a_value_of_the_wrong_type_widens_nothing() {
    let server = TestServer::shared().await;
    let (alice, pool) = (server.key("alice"), server.superuser().await);
    let count = "select count(*) from comments where author_id = 'a11ce000-0000-4000-8000-000000000001'";
    let before: i64 = sqlx::query_scalar(count).fetch_one(&pool).await.unwrap();
    for filter in
        ["id=eq.abc", "id=eq.", "id=in.(x)", "id=eq.1;2", "created_at=gt.soon", "author_id=eq.me", "id=is.abc", "id=cs.{1}", "id=like.1*", "id=fts.x"]
    {
        let answer = server.send(Method::PATCH, &format!("tables/comments?{filter}"), alice, &json!({"body": "widened"})).await;
        refused_clearly(&answer, filter);
        refused_clearly(&Answer::to(server.rest(Method::DELETE, &format!("tables/comments?{filter}"), alice)).await, filter);
        let (column, test) = filter.split_once('=').unwrap();
        for tool in ["update_record", "delete_record"] {
            let arguments = match tool {
                "update_record" => json!({"table": "comments", "filter": {column: test}, "data": {"body": "widened"}}),
                _ => json!({"table": "comments", "filter": {column: test}}),
            };
            server.mcp_refused(alice, tool, arguments).await;
        }
    }
    for tool in ["update_record", "delete_record"] {
        for filter in [json!({}), json!(null), json!([]), json!({"or": []}), json!("id=eq.1")] {
            let arguments = json!({"table": "comments", "filter": filter, "data": {"body": "widened"}});
            let answer = server.mcp_call(alice, tool, arguments).await;
            assert!(answer["result"]["isError"] == true || answer["error"].is_object(), "{tool} {filter}: {answer}");
        }
    }
    assert!(sqlx::query_scalar::<_, i64>(count).fetch_one(&pool).await.unwrap() >= before);
    let widened: i64 = sqlx::query_scalar("select count(*) from comments where body = 'widened'").fetch_one(&pool).await.unwrap();
    assert_eq!(widened, 0);
}

#[tokio::test]
async fn what_is_deep_or_huge_is_refused_and_not_worked_on() {
    let server = TestServer::shared().await;
    let alice = server.key("alice");
    let nested = |depth: usize| format!("({}id.eq.1{})", "and(".repeat(depth), ")".repeat(depth));
    assert_eq!(server.get(&format!("tables/tasks?select=id&or={}", nested(3)), alice).await.status, 200);
    for depth in [100, 5_000] {
        refused_clearly(&server.get(&format!("tables/tasks?or={}", nested(depth)), alice).await, "depth");
    }
    let embeds = |depth: usize| format!("{}id{}", "tasks!tasks_parent(".repeat(depth), ")".repeat(depth));
    refused_clearly(&server.get(&format!("tables/tasks?select={}", embeds(200)), alice).await, "embeds");
    refused_clearly(&server.get(&format!("tables/tasks?select={}", "id,".repeat(20_000) + "id"), alice).await, "columns");
    refused_clearly(&server.get(&format!("tables/tasks?{}", "id=gt.0&".repeat(5_000)), alice).await, "filters");
    let mut filter = json!({"id": "eq.1"});
    for _ in 0..500 {
        filter = json!({"and": [filter]});
    }
    let answer = Answer::to(server.mcp(
        alice,
        &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query_table",
        "arguments": {"table": "tasks", "filter": filter}}}),
    ))
    .await;
    assert!(answer.status.is_client_error() || answer.json()["result"]["isError"] == true || answer.json()["error"].is_object(), "{answer:?}");
    // What is announced to be too large is refused before it is sent.
    for path in ["/mcp", "/api/v1/tables/comments", "/api/v1/auth/signup"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {alice}\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n{{"
        );
        let answer = send_raw(server, &head).await;
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("application/problem+json"), "{path}: {answer}");
    }
    assert_eq!(server.get("tables/tags?limit=1", alice).await.rows().len(), 1, "it goes on");
}
