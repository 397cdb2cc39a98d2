//! PATCH and DELETE.

use super::{deleting, over, refused, send, taken, text, unreached, updating, written};
use domain::{
    Failure,
    table::{Returning, Shape},
};
use http::Method;

#[tokio::test]
async fn a_change_answers_with_its_rows_or_with_nothing() {
    let (client, asked) = updating(Ok(written(3, None, None)));
    let response = send(&client, Method::PATCH, "t?id=gt.1", &[], r#"{"a":1}"#).await;
    assert_eq!(response.0.status().as_u16(), 204);
    response.assert_header("content-range", "0-2/*");
    let update = taken(&asked).update;
    assert_eq!((update.changes.as_str(), update.columns.as_slice(), update.max_affected), (r#"{"a":1}"#, ["a".to_owned()].as_slice(), None));

    let (client, _) = updating(Ok(written(1, None, Some(r#"[{"a":1}]"#))));
    let response = send(&client, Method::PATCH, "t?id=eq.1", &[("prefer", "return=representation")], r#"{"a":1}"#).await;
    response.assert_status_is_ok();
    assert_eq!(text(response).await, r#"[{"a":1}]"#);

    let (client, asked) = updating(Ok(written(1, None, None)));
    let response = send(&client, Method::PATCH, "t?id=eq.1&columns=a,b", &[("prefer", "missing=default")], " [ {\"a\":[1]} ]\n").await;
    response.assert_header("preference-applied", "missing=default");
    let update = taken(&asked).update;
    assert_eq!((update.changes.trim(), update.missing_default), (r#"{"a":[1]}"#, true));
    refused(send(&client, Method::PATCH, "t?id=eq.1", &[], r#"[{"a":1},{"a":2}]"#).await, 400).await;

    let (client, asked) = deleting(Ok(written(1, None, None)));
    let response = send(&client, Method::DELETE, "t?id=eq.1", &[("prefer", "count=exact")], "").await;
    assert_eq!(response.0.status().as_u16(), 204);
    response.assert_header("content-range", "*/1");
    assert!(taken(&asked).delete.filter.is_some());
}

#[tokio::test]
async fn an_empty_change_changes_nothing_and_still_asks() {
    for (path, body) in [("t?id=eq.1", "{}"), ("t?id=eq.1", "[{}]"), ("t?id=eq.1", " [ ] "), ("t?id=eq.1&columns=a", "[]")] {
        let (client, asked) = updating(Ok(written(0, None, None)));
        let response = send(&client, Method::PATCH, path, &[], body).await;
        assert_eq!(response.0.status().as_u16(), 204, "{body}");
        response.assert_header("content-range", "*/*");
        let update = taken(&asked).update;
        assert_eq!((update.columns.len(), update.changes.as_str()), (0, "{}"), "{body}");
    }
}

#[tokio::test]
async fn every_row_is_touched_only_where_that_is_bounded() {
    let client = over(unreached());
    for (method, path, headers, code) in [
        (Method::PATCH, "t", &[][..], "filter_required"),
        (Method::DELETE, "t", &[], "filter_required"),
        (Method::DELETE, "t", &[("prefer", "max-affected=5")], "filter_required"),
        (Method::PATCH, "t?id=eq.1&limit=1", &[], "unexpected_parameter"),
        (Method::DELETE, "t?id=eq.1&offset=1", &[], "unexpected_parameter"),
        (Method::PATCH, "t?id=eq.1&on_conflict=id", &[], "unexpected_parameter"),
    ] {
        assert_eq!(refused(send(&client, method, path, headers, "{}").await, 400).await["code"], code, "{path}");
    }
    let (client, asked) = deleting(Err(Failure::TooManyAffected { affected: 9, max: 5 }));
    let response = send(&client, Method::DELETE, "t", &[("prefer", "handling=strict, max-affected=5")], "").await;
    assert_eq!(refused(response, 400).await["code"], "max_affected_exceeded");
    let delete = taken(&asked).delete;
    assert_eq!((delete.filter, delete.max_affected), (None, Some(5)));
}

#[tokio::test]
async fn a_write_of_exactly_one_row_is_checked_in_time_even_if_nobody_looks() {
    let (client, asked) = updating(Ok(written(1, None, Some("{}"))));
    let response = send(&client, Method::PATCH, "t?id=eq.1", &[("accept", "application/vnd.pgrst.object+json")], r#"{"a":1}"#).await;
    assert_eq!((response.0.status().as_u16(), text(response).await.as_str()), (204, ""));
    assert!(matches!(taken(&asked).update.returning, Returning::Rows { shape: Shape::Singular, .. }));
}
