//! GET and HEAD.

use super::{reading, refused, rows, send, taken, text};
use crate::testing::Chunks;
use domain::{
    Failure, Fault,
    failure::Candidate,
    table::{Condition, Operator, Shape, Test, Value as Operand},
};
use http::Method;
use ports::{driven::Rows, driving::QueryTable};
use serde_json::json;

#[tokio::test]
async fn a_read_asks_for_what_the_query_string_says_and_passes_rows_through() {
    let (client, asked) = reading(|| Ok(rows(r#"[{"id":1}]"#, 1, None)));
    let path = "app/users?select=id&name=eq.a+b&order=id.desc&limit=10&offset=5&branch=pr-1";
    let response = send(&client, Method::GET, path, &[("x-fluxbase-branch", "pr-1")], "").await;
    response.assert_status_is_ok();
    response.assert_content_type("application/json; charset=utf-8");
    response.assert_header("content-range", "5-5/*");
    response.assert_header_is_not_exist("preference-applied");
    assert_eq!(text(response).await, r#"[{"id":1}]"#);
    let QueryTable { branch, select } = taken(&asked);
    assert_eq!(branch.resolve(None).unwrap().as_str(), "pr-1");
    assert_eq!((select.table.to_string().as_str(), select.columns.len(), select.order.len()), ("app.users", 1, 1));
    assert_eq!((select.limit, select.offset, select.count, select.shape), (Some(10), 5, None, Shape::Array));
    let Some(Condition::Test(Test { operator: Operator::Eq, value: Operand::Text(value), .. })) = select.filter else {
        panic!("{:?}", select.filter)
    };
    assert_eq!(value, "a b");
}

#[tokio::test]
async fn a_column_called_branch_can_be_filtered_by() {
    let (client, asked) = reading(|| Ok(rows("[]", 0, None)));
    send(&client, Method::GET, "t?branch=eq.x", &[], "").await.assert_status_is_ok();
    let QueryTable { branch, select } = taken(&asked);
    assert!(branch.resolve(None).unwrap().is_main() && select.filter.is_some());
}

#[tokio::test]
async fn one_row_is_asked_for_by_the_media_type() {
    let (client, asked) = reading(|| Ok(rows(r#"{"id":1}"#, 1, None)));
    let response = send(&client, Method::GET, "t?id=eq.1", &[("accept", "application/vnd.pgrst.object+json")], "").await;
    response.assert_content_type("application/vnd.pgrst.object+json; charset=utf-8");
    assert_eq!(taken(&asked).select.shape, Shape::Singular);
    let (client, _) = reading(|| Err(Failure::NotSingular { rows: 2 }));
    let response = send(&client, Method::GET, "t", &[("accept", "application/vnd.pgrst.object+json")], "").await;
    let problem = refused(response, 406).await;
    assert_eq!((&problem["code"], &problem["details"]), (&json!("not_singular"), &json!("The result contains several rows")));
}

#[tokio::test]
async fn head_has_the_headers_and_no_rows() {
    let (client, _) = reading(|| Ok(rows("[1,2]", 2, Some(2))));
    let response = send(&client, Method::HEAD, "t", &[("prefer", "count=exact")], "").await;
    response.assert_status_is_ok();
    response.assert_header("content-range", "0-1/2");
    response.assert_header("content-length", "5");
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn an_ambiguous_embed_names_its_candidates() {
    let candidate = |hint: &str| Candidate { cardinality: "many-to-one", relationship: "a(b) and c(d)".to_owned(), hint: hint.to_owned() };
    let candidates = vec![candidate("fk_1"), candidate("fk_2")];
    let (client, _) = reading(move || Err(Failure::Ambiguous { origin: "a".to_owned(), target: "c".to_owned(), candidates }));
    let problem = refused(send(&client, Method::GET, "a?select=c(*)", &[], "").await, 300).await;
    assert_eq!(problem["hint"], "write one of 'c!fk_1', 'c!fk_2'");
    assert_eq!(problem["candidates"][1]["hint"], "fk_2");
}

#[tokio::test]
async fn a_filters_fault_lies_at_its_parameter() {
    let (client, _) = reading(|| Err(Fault::new("/filter/rel.agee", "no such column").into()));
    let problem = refused(send(&client, Method::GET, "t?rel.agee=eq.1&select=rel(x)", &[], "").await, 400).await;
    assert_eq!((&problem["errors"][0]["pointer"], &problem["detail"]), (&json!("/rel.agee"), &json!("/rel.agee: no such column")));
}

#[tokio::test]
async fn a_failure_before_the_status_is_a_problem() {
    let failing = || Chunks::new(["[1,"], 1).failing(Failure::internal("the secret")).boxed();
    let (client, _) = reading(move || Ok(Rows { total: None, estimated: false, document: failing() }));
    let problem = refused(send(&client, Method::GET, "t", &[], "").await, 500).await;
    assert!(!problem.to_string().contains("secret"));
}
