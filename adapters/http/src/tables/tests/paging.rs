//! Pages, and how many rows there are.

use super::{over, reading, refused, rows, send, taken, unreached};
use crate::testing::Chunks;
use domain::table::CountMode;
use http::Method;
use ports::driven::Rows;

#[tokio::test]
async fn a_full_page_tells_the_next_one_and_its_cursor_begins_there() {
    let (client, asked) = reading(|| Ok(rows("[1,2]", 2, None)));
    let response = send(&client, Method::GET, "t?a=eq.1&limit=2&order=b", &[], "").await;
    let select = taken(&asked).select;
    assert_eq!((select.offset, select.tie_break), (0, true));
    let cursor = response.0.header("x-next-cursor").unwrap().to_owned();
    response.assert_header("link", format!("</api/v1/tables/t?a=eq.1&limit=2&order=b&cursor={cursor}>; rel=\"next\""));

    let (client, asked) = reading(|| Ok(rows("[3]", 1, None)));
    let response = send(&client, Method::GET, &format!("t?a=eq.1&limit=2&order=b&cursor={cursor}"), &[], "").await;
    response.assert_header("content-range", "2-2/*");
    response.assert_header_is_not_exist("x-next-cursor");
    response.assert_header_is_not_exist("link");
    assert_eq!(taken(&asked).select.offset, 2);

    let client = over(unreached());
    for (other, code) in [("a=eq.2&limit=2&order=b", "invalid"), ("a=eq.1&limit=2", "invalid"), ("a=eq.1&limit=2&order=b&offset=1", "contradiction")]
    {
        let problem = refused(send(&client, Method::GET, &format!("t?{other}&cursor={cursor}"), &[], "").await, 400).await;
        assert_eq!(problem["code"], code, "{problem}");
    }
    for method in [Method::POST, Method::PATCH, Method::DELETE] {
        assert_eq!(refused(send(&client, method, "t?a=eq.1&cursor=x", &[], "{}").await, 400).await["code"], "unexpected_parameter");
    }
}

#[tokio::test]
async fn pages_are_told_of_only_where_there_may_be_more() {
    for (path, headers, read, total, more) in [
        ("t", &[][..], 2, None, false),
        ("t", &[("range", "0-1")][..], 2, None, true),
        ("t?limit=2", &[], 2, Some(2), false),
        ("t?limit=2", &[], 2, Some(3), true),
        ("t?limit=2&offset=2", &[], 2, Some(4), false),
        ("t?limit=0", &[], 0, None, false),
        ("t?limit=2&cursor=eq.x", &[], 2, None, true),
    ] {
        let (client, _) = reading(move || Ok(rows("[1,2]", read, total)));
        let response = send(&client, Method::GET, path, headers, "").await;
        assert_eq!(response.0.header("x-next-cursor").is_some(), more, "{path} {total:?}");
    }
}

#[tokio::test]
async fn a_page_smaller_than_the_total_is_partial() {
    let (client, asked) = reading(|| Ok(rows("[1,2]", 2, Some(9))));
    let response = send(&client, Method::GET, "t", &[("range", "0-1"), ("prefer", "count=exact, handling=strict")], "").await;
    assert_eq!(response.0.status().as_u16(), 206);
    response.assert_header("content-range", "0-1/9");
    response.assert_header("preference-applied", "count=exact, handling=strict");
    let select = taken(&asked).select;
    assert_eq!((select.limit, select.offset, select.count), (Some(2), 0, Some(CountMode::Exact)));
}

#[tokio::test]
async fn a_page_past_the_end_cannot_be_given() {
    let (client, _) = reading(|| Ok(rows("[]", 0, Some(3))));
    let response = send(&client, Method::GET, "t?offset=5", &[("prefer", "count=exact")], "").await;
    response.assert_header("content-range", "*/3");
    assert_eq!(refused(response, 416).await["code"], "range_not_satisfiable");
}

#[tokio::test]
async fn what_is_only_expected_ends_no_page() {
    let expecting = |text: &'static str, read, expected| Rows { estimated: true, ..rows(text, read, Some(expected)) };
    for (path, text, read, expected, status, range, more) in [
        ("t?limit=2", "[1,2]", 2, 2, 200, "0-1/2", true),
        ("t?limit=2&offset=10", "[1,2]", 2, 5, 206, "10-11/12", true),
        ("t?limit=2&offset=10", "[]", 0, 5, 206, "*/5", false),
        ("t?limit=2", "[1,2]", 2, 90, 206, "0-1/90", true),
    ] {
        let (client, _) = reading(move || Ok(expecting(text, read, expected)));
        let response = send(&client, Method::GET, path, &[("prefer", "count=planned")], "").await;
        assert_eq!(response.0.status().as_u16(), status, "{path} {expected}");
        response.assert_header("content-range", range);
        assert_eq!(response.0.header("x-next-cursor").is_some(), more, "{path} {expected}");
    }
    let (client, _) = reading(|| {
        let big = || vec![b' '; 1024 * 1024];
        Ok(Rows { total: Some(3), estimated: true, document: Chunks::new([big(), big(), big()], 9).boxed() })
    });
    let response = send(&client, Method::GET, "t?limit=900", &[("prefer", "count=planned")], "").await;
    response.assert_header("content-range", "*/3");
    assert!(response.0.header("x-next-cursor").is_some());
}
