//! Pages: limit, offset, ranges, counts.

use super::{Alice, column};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_page_says_where_it_is() {
    let alice = Alice::new().await;
    let total = alice.count("tasks?id=lte.24000").await;
    for (path, headers, status, range) in [
        ("limit=10", &[][..], 200, "0-9/*".to_owned()),
        ("limit=10", &["Prefer: count=exact"], 206, format!("0-9/{total}")),
        ("limit=10&offset=20", &["Prefer: count=exact"], 206, format!("20-29/{total}")),
        ("", &["Range: 5-9", "Range-Unit: items", "Prefer: count=exact"], 206, format!("5-9/{total}")),
        ("", &["Range: 0-4"], 200, "0-4/*".to_owned()),
        ("limit=3", &["Range: 0-9"], 200, "0-2/*".to_owned()),
        ("id=eq.1", &["Prefer: count=exact"], 200, "0-0/1".to_owned()),
        ("id=eq.0", &["Prefer: count=exact"], 200, "*/0".to_owned()),
        ("id=eq.0", &[], 200, "*/*".to_owned()),
        ("limit=0", &[], 200, "*/*".to_owned()),
    ] {
        let answer = alice.ask(Method::GET, &format!("tasks?select=id&id=lte.24000&order=id&{path}"), headers, None).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-range")), (status, range.as_str()), "{path} {headers:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_page_past_the_end_is_416_where_the_total_is_known() {
    let alice = Alice::new().await;
    let past = alice.ask(Method::GET, "tags?offset=1000", &["Prefer: count=exact"], None).await;
    past.problem(416);
    assert_eq!(past.header("content-range"), format!("*/{}", alice.count("tags").await));
    assert_eq!(alice.rows("tags?offset=1000").await, Vec::<Value>::new());
    alice.ask(Method::GET, "tags", &["Range: 9-5"], None).await.problem(416);
    alice.ask(Method::GET, "tags", &["Range: x"], None).await.problem(400);
}

#[tokio::test]
async fn counts_may_be_planned_or_estimated() {
    let alice = Alice::new().await;
    for mode in ["planned", "estimated"] {
        let answer = alice.ask(Method::GET, "tasks?limit=1", &[&format!("Prefer: count={mode}")], None).await;
        assert!(answer.status.is_success() && answer.header("preference-applied").contains(mode), "{answer:?}");
        let total = answer.header("content-range").rsplit('/').next().unwrap().parse::<u64>();
        assert!(total.is_ok_and(|total| total > 0), "{mode}: {answer:?}");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let alice = Alice::new().await;
    let path = "tasks?select=id&limit=5&order=id";
    let get = alice.ask(Method::GET, path, &["Prefer: count=exact"], None).await;
    let head = alice.ask(Method::HEAD, path, &["Prefer: count=exact"], None).await;
    assert_eq!((head.status, head.body.as_str()), (get.status, ""));
    for name in ["content-range", "content-type", "preference-applied"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    assert_eq!(alice.ask(Method::HEAD, "nowhere", &[], None).await.status, 404);
}

#[tokio::test]
async fn one_row_can_be_asked_for_as_an_object() {
    const ONE: &str = "Accept: application/vnd.pgrst.object+json";
    let alice = Alice::new().await;
    let one = alice.ask(Method::GET, "tags?id=eq.1&select=name", &[ONE], None).await;
    assert_eq!((one.json(), one.header("content-type")), (json!({"name": "bug"}), "application/vnd.pgrst.object+json; charset=utf-8"), "{one:?}");
    for path in ["tags?id=eq.0", "tags"] {
        let none = alice.ask(Method::GET, path, &[ONE], None).await;
        assert_eq!(none.problem(406), "not_singular", "{path}");
    }
}

#[tokio::test]
async fn tools_page_by_cursor_without_gaps() {
    let alice = Alice::new().await;
    let key = alice.0.key("alice");
    let mut arguments = json!({"table": "tasks", "select": "id", "filter": {"id": "lte.3000"}, "order": "priority.desc,id", "limit": 50});
    let mut seen = Vec::new();
    loop {
        let page = alice.0.mcp_ok(key, "query_table", arguments.clone()).await;
        seen.extend(column(page["rows"].as_array().unwrap(), "id"));
        match page.get("nextCursor") {
            Some(Value::String(cursor)) => arguments["cursor"] = json!(cursor),
            _ => break,
        }
    }
    let mut unique = seen.iter().map(|id| id.as_i64().unwrap()).collect::<Vec<_>>();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!((unique.len(), seen.len() as u64), (seen.len(), alice.count("tasks?id=lte.3000").await));
    // A cursor is for who got it, and for the question it came from.
    let first = alice.0.mcp_ok(key, "query_table", json!({"table": "tasks", "select": "id", "limit": 5})).await;
    let stolen = json!({"table": "tasks", "select": "id", "limit": 5, "cursor": first["nextCursor"]});
    alice.0.mcp_ok(key, "query_table", stolen.clone()).await;
    alice.0.mcp_refused(alice.0.key("bob"), "query_table", stolen).await;
}
