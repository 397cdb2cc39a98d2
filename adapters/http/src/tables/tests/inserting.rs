//! POST.

use super::{inserting, over, refused, send, taken, text, unreached, written};
use domain::table::{Resolution, Returning, Shape};
use http::Method;

#[tokio::test]
async fn an_insert_says_no_more_than_it_is_asked_to() {
    let (client, asked) = inserting(Ok(written(2, Some(2), None)));
    let body = r#"[{"a":1,"b":{"x":[]}},{"b":2,"a":3}]"#;
    let response = send(&client, Method::POST, "t", &[("prefer", "count=exact")], body).await;
    assert_eq!(response.0.status().as_u16(), 201);
    response.assert_header("content-range", "*/2");
    response.assert_header_is_not_exist("location");
    assert_eq!(text(response).await, "");
    let insert = taken(&asked).insert;
    assert_eq!((insert.rows.as_str(), insert.columns.as_slice()), (body, ["a".to_owned(), "b".to_owned()].as_slice()));
    assert_eq!((insert.on_conflict, insert.missing_default, insert.returning), (None, false, Returning::Count));
}

#[tokio::test]
async fn an_insert_can_give_its_rows_or_their_place() {
    let (client, asked) = inserting(Ok(written(1, Some(1), Some(r#"[{"id":5}]"#))));
    let response = send(&client, Method::POST, "t?select=id&order=id", &[("prefer", "return=representation")], r#"{"a":1}"#).await;
    assert_eq!(response.0.status().as_u16(), 201);
    response.assert_header("preference-applied", "return=representation");
    assert_eq!(text(response).await, r#"[{"id":5}]"#);
    let returning = taken(&asked).insert.returning;
    assert!(
        matches!(&returning, Returning::Rows { columns, order, shape: Shape::Array, .. } if columns.len() == 1 && order.len() == 1),
        "{returning:?}"
    );

    let (client, asked) = inserting(Ok(written(1, Some(1), Some(r#"{"id":5}"#))));
    let response = send(&client, Method::POST, "app/t", &[("prefer", "return=headers-only")], r#"{"a":1}"#).await;
    response.assert_header("location", "/api/v1/tables/app/t?id=eq.5");
    assert_eq!(text(response).await, "");
    assert_eq!(taken(&asked).insert.returning, Returning::Key);
}

#[tokio::test]
async fn an_upsert_that_inserted_nothing_is_200() {
    for (inserted, status) in [(Some(0), 200), (Some(1), 201), (None, 201)] {
        let (client, asked) = inserting(Ok(written(2, inserted, None)));
        let headers = [("prefer", "resolution=merge-duplicates, missing=default")];
        let response = send(&client, Method::POST, "t?on_conflict=a,b", &headers, r#"{"a":1,"b":2}"#).await;
        assert_eq!(response.0.status().as_u16(), status);
        let insert = taken(&asked).insert;
        let on_conflict = insert.on_conflict.unwrap();
        assert_eq!((on_conflict.columns, on_conflict.resolution), (vec!["a".to_owned(), "b".to_owned()], Resolution::MergeDuplicates));
        assert!(insert.missing_default);
    }
}

#[tokio::test]
async fn bodies_that_are_no_rows_are_refused() {
    let client = over(unreached());
    for (path, body, code) in [
        ("t", "", "invalid_json"),
        ("t", "{", "invalid_json"),
        ("t", "5", "invalid_json"),
        ("t", "[1]", "invalid_json"),
        ("t", r#"[{"a":1},{"b":2}]"#, "unequal_rows"),
        ("t?a=eq.1", "{}", "unexpected_parameter"),
        ("t?limit=1", "{}", "unexpected_parameter"),
    ] {
        let problem = refused(send(&client, Method::POST, path, &[], body).await, 400).await;
        assert_eq!(problem["code"], code, "{path} {body}");
    }
    refused(send(&client, Method::POST, "t", &[("content-type", "text/csv")], "a\n1").await, 415).await;
    let (client, asked) = inserting(Ok(written(2, Some(2), None)));
    send(&client, Method::POST, "t?columns=a", &[], r#"[{"a":1},{"b":2}]"#).await;
    assert_eq!(taken(&asked).insert.columns, ["a"]);
}
