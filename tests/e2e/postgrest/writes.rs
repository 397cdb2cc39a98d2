//! Inserts, upserts, changes and deletions.

use super::{Alice, column};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const ME: &str = "a11ce000-0000-4000-8000-000000000001";
const ROWS: &str = "Prefer: return=representation";
const ONE: &str = "Accept: application/vnd.pgrst.object+json";

/// A comment of alice's that no other test knows.
fn comment(mark: Uuid, number: usize) -> Value {
    json!({"task_id": 1, "author_id": ME, "body": format!("{mark} {number}")})
}

fn mark() -> Uuid {
    fluxbase_tests::fresh_id()
}

#[tokio::test]
async fn an_insert_answers_as_it_is_preferred() {
    let alice = Alice::new().await;
    let mark = mark();
    let plain = alice.ask(Method::POST, "comments", &[], Some(&comment(mark, 1))).await;
    assert_eq!((plain.status.as_u16(), plain.body.as_str()), (201, ""), "{plain:?}");
    let headers = alice.ask(Method::POST, "comments", &["Prefer: return=headers-only"], Some(&comment(mark, 2))).await;
    assert!(headers.body.is_empty() && headers.header("location").contains("comments?id=eq."), "{headers:?}");
    let rows = alice.ask(Method::POST, "comments?select=body,tasks(id)", &[ROWS], Some(&comment(mark, 3))).await;
    assert_eq!((rows.status.as_u16(), rows.json()), (201, json!([{"body": format!("{mark} 3"), "tasks": {"id": 1}}])), "{rows:?}");
    let one = alice.ask(Method::POST, "comments?select=body", &[ROWS, ONE], Some(&comment(mark, 4))).await;
    assert_eq!(one.json(), json!({"body": format!("{mark} 4")}));
    let list = json!([comment(mark, 6), comment(mark, 5)]);
    let bulk = alice.ask(Method::POST, "comments?select=body&order=body", &[ROWS, "Prefer: count=exact"], Some(&list)).await;
    assert_eq!(column(&bulk.rows(), "body"), [json!(format!("{mark} 5")), json!(format!("{mark} 6"))]);
    assert_eq!(alice.count(&format!("comments?body=like.{mark}*")).await, 6);
    let none = alice.ask(Method::POST, "comments", &[ROWS], Some(&json!([]))).await;
    assert_eq!((none.status.as_u16(), none.json()), (201, json!([])));
}

#[tokio::test]
async fn rows_of_unequal_keys_need_columns() {
    let alice = Alice::new().await;
    let mark = mark();
    let mut long = comment(mark, 1);
    long["created_at"] = json!("2020-01-01T00:00:00Z");
    let list = json!([long, comment(mark, 2)]);
    let refused = alice.ask(Method::POST, "comments", &[], Some(&list)).await;
    assert!(refused.problem(400).starts_with("unequal"), "{refused:?}");
    // As in PostgREST: what a row lacks is null, or its default where that is preferred.
    let null = alice.ask(Method::POST, "comments?columns=task_id,author_id,body,created_at", &[], Some(&list)).await;
    assert_eq!(null.problem(400), "23502");
    let path = "comments?columns=task_id,author_id,body,created_at&select=created_at&order=created_at";
    let default = alice.ask(Method::POST, path, &[ROWS, "Prefer: missing=default"], Some(&list)).await.rows();
    assert_eq!(default[0], json!({"created_at": "2020-01-01T00:00:00+00:00"}));
    assert!(default[1]["created_at"].as_str().is_some_and(|at| at > "2025"), "{default:?}");
    // Keys that are not among the columns do not count.
    let less = alice.ask(Method::POST, "comments?columns=task_id,author_id,body&select=body", &[ROWS], Some(&list)).await;
    assert_eq!(less.rows().len(), 2);
    assert_eq!(alice.count(&format!("comments?body=like.{mark}*")).await, 4);
}

#[tokio::test]
async fn an_upsert_is_201_where_something_is_new_and_200_where_nothing_is() {
    let alice = Alice::new().await;
    let (mark, merge, ignore) = (mark(), "Prefer: resolution=merge-duplicates", "Prefer: resolution=ignore-duplicates");
    let project = |slug: u8, name: &str| json!({"owner_id": ME, "name": name, "slug": format!("{mark}-{slug}")});
    let path = "projects?on_conflict=slug&select=name&order=slug";
    let fresh = alice.ask(Method::POST, path, &[ROWS, merge], Some(&json!([project(1, "a")]))).await;
    assert_eq!((fresh.status.as_u16(), fresh.json()), (201, json!([{"name": "a"}])));
    let known = alice.ask(Method::POST, path, &[ROWS, merge], Some(&project(1, "b"))).await;
    assert_eq!((known.status.as_u16(), known.json()), (200, json!([{"name": "b"}])));
    let both = alice.ask(Method::POST, path, &[ROWS, merge], Some(&json!([project(1, "c"), project(2, "d")]))).await;
    assert_eq!((both.status.as_u16(), both.json()), (201, json!([{"name": "c"}, {"name": "d"}])));
    let ignored = alice.ask(Method::POST, path, &[ROWS, ignore], Some(&json!([project(1, "e"), project(3, "f")]))).await;
    assert_eq!((ignored.status.as_u16(), ignored.json()), (201, json!([{"name": "f"}])));
    assert_eq!(
        column(&alice.rows(&format!("projects?slug=like.{mark}*&select=name&order=slug")).await, "name"),
        [json!("c"), json!("d"), json!("f")]
    );
    // Over a row of somebody else it changes nothing.
    let theirs = alice
        .ask(Method::POST, "projects?on_conflict=id", &[merge], Some(&json!({"id": 15, "owner_id": ME, "name": "x", "slug": format!("{mark}-x")})))
        .await;
    assert_eq!(theirs.problem(403), "42501");
    let unknown = alice.ask(Method::POST, "projects?on_conflict=name", &[merge], Some(&project(9, "x"))).await;
    assert!(unknown.status.is_client_error(), "{unknown:?}");
    alice.ask(Method::DELETE, &format!("projects?slug=like.{mark}*"), &[], None).await;
}

#[tokio::test]
async fn changes_touch_what_the_filter_matches_and_nothing_else() {
    let alice = Alice::new().await;
    let mark = mark();
    let list = Value::from((1..=3).map(|number| comment(mark, number)).collect::<Vec<_>>());
    alice.ask(Method::POST, "comments", &[], Some(&list)).await;
    let of = |number: u8| format!("comments?body=eq.{mark}%20{number}");
    let changed = alice
        .ask(Method::PATCH, &format!("{}&select=body", of(1)), &[ROWS, "Prefer: count=exact"], Some(&json!({"body": format!("{mark} one")})))
        .await;
    assert_eq!((changed.status.as_u16(), changed.json()), (200, json!([{"body": format!("{mark} one")}])));
    assert_eq!(changed.header("content-range"), "0-0/1");
    let quiet = alice.ask(Method::PATCH, &of(2), &[], Some(&json!({"body": format!("{mark} two")}))).await;
    assert_eq!((quiet.status.as_u16(), quiet.body.as_str()), (204, ""));
    let empty = alice.ask(Method::PATCH, &of(3), &[], Some(&json!({}))).await;
    assert_eq!(empty.status.as_u16(), 204, "{empty:?}");
    let nothing = alice.ask(Method::PATCH, "comments?id=eq.0", &[ROWS], Some(&json!({"body": "x"}))).await;
    assert_eq!((nothing.status.as_u16(), nothing.json()), (200, json!([])));
    let columns = alice
        .ask(
            Method::PATCH,
            &format!("{}&columns=body&select=body,task_id", of(3)),
            &[ROWS],
            Some(&json!({"body": format!("{mark} three"), "task_id": 2})),
        )
        .await;
    assert_eq!(columns.json(), json!([{"body": format!("{mark} three"), "task_id": 1}]));

    let mine = format!("comments?body=like.{mark}*");
    let deleted = alice.ask(Method::DELETE, &format!("comments?body=eq.{mark}%20one&select=body"), &[ROWS], None).await;
    assert_eq!((deleted.status.as_u16(), deleted.json()), (200, json!([{"body": format!("{mark} one")}])));
    assert_eq!(alice.ask(Method::DELETE, &mine, &["Prefer: count=exact"], None).await.header("content-range"), "*/2");
    assert_eq!(alice.count(&mine).await, 0);
}

#[tokio::test]
async fn nothing_is_changed_where_too_much_would_be() {
    let alice = Alice::new().await;
    let mark = mark();
    let list = Value::from((1..=3).map(|number| comment(mark, number)).collect::<Vec<_>>());
    alice.ask(Method::POST, "comments", &[], Some(&list)).await;
    let (mine, body) = (format!("comments?body=like.{mark}*"), json!({"body": "widened"}));
    for method in [Method::PATCH, Method::DELETE] {
        let body = (method == Method::PATCH).then_some(&body);
        assert_eq!(alice.ask(method.clone(), "comments", &[], body).await.problem(400), "filter_required", "{method}");
        assert_eq!(alice.ask(method.clone(), "comments?select=id&order=id", &[], body).await.problem(400), "filter_required", "{method}");
        let bounded = alice.ask(method.clone(), &mine, &["Prefer: handling=strict, max-affected=2"], body).await;
        assert!(bounded.status.is_client_error(), "{bounded:?}");
        bounded.problem(bounded.status.as_u16());
        assert_eq!(alice.count(&mine).await, 3, "{method}");
        // Not exactly one: refused, and taken back.
        let one = alice.ask(method.clone(), &mine, &[ROWS, ONE], body).await;
        assert_eq!(one.problem(406), "not_singular", "{method}");
        assert_eq!(alice.count(&mine).await, 3, "{method}");
    }
    let two = alice.ask(Method::POST, "comments", &[ROWS, ONE], Some(&json!([comment(mark, 4), comment(mark, 5)]))).await;
    assert_eq!(two.problem(406), "not_singular");
    assert_eq!(alice.count(&mine).await, 3);
    let enough = alice.ask(Method::DELETE, &mine, &["Prefer: handling=strict, max-affected=3"], None).await;
    assert_eq!(enough.status.as_u16(), 204, "{enough:?}");
    assert_eq!(alice.count(&mine).await, 0);
}

#[tokio::test]
async fn a_bulk_insert_is_all_or_nothing() {
    let alice = Alice::new().await;
    let mark = mark();
    let list = json!([comment(mark, 1), {"task_id": 1, "author_id": "b0b00000-0000-4000-8000-000000000002", "body": format!("{mark} forged")}]);
    assert_eq!(alice.ask(Method::POST, "comments", &[], Some(&list)).await.problem(403), "42501");
    assert_eq!(alice.count(&format!("comments?body=like.{mark}*")).await, 0);
}

#[tokio::test]
async fn tools_write_within_their_bounds_and_can_be_tried_dry() {
    let alice = Alice::new().await;
    let (server, mark) = (alice.0, mark());
    let key = server.key("alice");
    let data: Vec<_> = (1..=3).map(|number| comment(mark, number)).collect();
    let inserted = server.mcp_ok(key, "insert_record", json!({"table": "comments", "data": data, "returning": "id"})).await;
    assert_eq!((&inserted["affected"], inserted["rows"].as_array().map(Vec::len)), (&json!(3), Some(3)));
    let filter = json!({"body": format!("like.{mark}*")});
    let update = json!({"table": "comments", "filter": filter, "data": {"body": "widened"}, "max_affected": 2});
    assert!(server.mcp_refused(key, "update_record", update).await.contains('2'));
    let dry = json!({"table": "comments", "filter": filter, "data": {"body": format!("{mark} dry")}, "dry_run": true, "returning": "body"});
    let dry = server.mcp_ok(key, "update_record", dry).await;
    assert_eq!((&dry["affected"], &dry["rows"][0]["body"]), (&json!(3), &json!(format!("{mark} dry"))));
    let dry = server.mcp_ok(key, "delete_record", json!({"table": "comments", "filter": filter, "dry_run": true})).await;
    assert_eq!(dry["affected"], 3);
    assert_eq!(alice.count(&format!("comments?body=like.{mark}*&body=not.like.*dry")).await, 3);
    server.mcp_refused(key, "delete_record", json!({"table": "comments", "filter": filter, "max_affected": 1})).await;
    let deleted = server.mcp_ok(key, "delete_record", json!({"table": "comments", "filter": filter})).await;
    assert_eq!(deleted["affected"], 3);
    assert_eq!(alice.count(&format!("comments?body=like.{mark}*")).await, 0);
}
