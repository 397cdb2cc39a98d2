//! The table routes over mocked use cases.

use crate::{
    Edge, Readiness, RestPorts, RestSettings, routes,
    testing::{Chunks, OneKey, ids},
};
use async_trait::async_trait;
use domain::{
    Action, Denied, Failure, Fault, Principal, Scope, Scopes, SqlFailure,
    failure::Candidate,
    table::{Condition, CountMode, Operator, Resolution, Returning, Shape, Test, Value as Operand},
};
use http::Method;
use poem::{
    Body, Endpoint,
    test::{TestClient, TestResponse},
};
use ports::{
    driven::{Document, Rows, Written},
    driving::{Authenticator, Credentials, DeleteRecord, InsertRecord, MockUnreadRequests, MockUseCase, QueryTable, UpdateRecord},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

struct Ready;

#[async_trait]
impl Readiness for Ready {
    async fn ready(&self) -> Result<(), String> {
        Ok(())
    }
}

fn unreached() -> RestPorts {
    RestPorts::unreached(Arc::new(OneKey), Arc::new(Ready))
}

fn over(ports: RestPorts) -> TestClient<impl Endpoint> {
    TestClient::new(Edge::around(routes(ports, RestSettings::default()), ids()))
}

/// What a use case was asked.
type Asked<C> = Arc<Mutex<Option<C>>>;

fn reading(answer: impl FnOnce() -> Result<Rows, Failure> + Send + 'static) -> (TestClient<impl Endpoint>, Asked<QueryTable>) {
    let asked = Asked::default();
    let mut use_case = MockUseCase::<QueryTable>::new();
    let slot = asked.clone();
    use_case.expect_run().return_once(move |_, command| {
        *slot.lock().unwrap() = Some(command);
        answer()
    });
    (over(RestPorts { query_table: Arc::new(use_case), ..unreached() }), asked)
}

fn rows(text: &'static str, rows: u64, total: Option<u64>) -> Rows {
    Rows { total, estimated: false, document: Chunks::new([text], rows).boxed() }
}

fn written(affected: u64, inserted: Option<u64>, document: Option<&'static str>) -> Written {
    let document = document.map(|text| -> Box<dyn Document> { Chunks::new([text], affected).boxed() });
    Written { affected, inserted, document }
}

macro_rules! writing {
    ($name:ident, $command:ident, $field:ident) => {
        fn $name(answer: Result<Written, Failure>) -> (TestClient<impl Endpoint>, Asked<$command>) {
            let asked = Asked::default();
            let mut use_case = MockUseCase::<$command>::new();
            let slot = asked.clone();
            use_case.expect_run().return_once(move |_, command| {
                *slot.lock().unwrap() = Some(command);
                answer
            });
            (over(RestPorts { $field: Arc::new(use_case), ..unreached() }), asked)
        }
    };
}

writing!(inserting, InsertRecord, insert_record);
writing!(updating, UpdateRecord, update_record);
writing!(deleting, DeleteRecord, delete_record);

async fn send(client: &TestClient<impl Endpoint>, method: Method, path: &str, headers: &[(&str, &str)], body: &'static str) -> TestResponse {
    let request = client.request(method, format!("/api/v1/tables/{path}")).header("x-api-key", "good");
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(body).send().await
}

async fn text(response: TestResponse) -> String {
    response.0.into_body().into_string().await.unwrap()
}

async fn refused(response: TestResponse, status: u16) -> Value {
    assert_eq!(response.0.status().as_u16(), status);
    response.assert_content_type("application/problem+json");
    response.0.into_body().into_json().await.unwrap()
}

fn taken<C>(asked: &Asked<C>) -> C {
    asked.lock().unwrap().take().expect("the use case was asked")
}

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
async fn what_no_use_case_sees_is_told_to_the_guards_once_and_they_have_the_first_word() {
    let guarded = |told: &Asked<(Action, String)>, answer: fn() -> Result<(), Failure>| {
        let (mut unread, told) = (MockUnreadRequests::new(), told.clone());
        unread.expect_admit().times(1).returning(move |_, action, code| {
            *told.lock().unwrap() = Some((action, code.to_owned()));
            answer()
        });
        over(RestPorts { unread: Arc::new(unread), ..unreached() })
    };
    for (method, path, body, action, code, status) in [
        (Method::GET, "t?select=(", "", Action::QueryTable, "invalid", 400),
        (Method::GET, "t?columns=a", "", Action::QueryTable, "unexpected_parameter", 400),
        (Method::POST, "t", "{", Action::InsertRecord, "invalid_json", 400),
        (Method::PATCH, "t", "{}", Action::UpdateRecord, "filter_required", 400),
        (Method::DELETE, "t?id=eq.1&branch=No+Slug", "", Action::DeleteRecord, "not_found", 404),
    ] {
        let told = Asked::default();
        let headers = [("content-type", "application/json")];
        let client = guarded(&told, || Ok(()));
        assert_eq!(refused(send(&client, method.clone(), path, &headers, body).await, status).await["code"], code, "{path}");
        assert_eq!(taken(&told), (action, code.to_owned()), "{path}");
        let client = guarded(&told, || Err(Failure::Denied(Denied::ReadOnly)));
        refused(send(&client, method, path, &headers, body).await, 403).await;
    }
    // What the use case refused is written down already: nothing is expected of these guards.
    let mut use_case = MockUseCase::<QueryTable>::new();
    use_case.expect_run().return_once(|_, _| Err(Failure::not_found("table", "t")));
    let client = over(RestPorts { query_table: Arc::new(use_case), unread: Arc::new(MockUnreadRequests::new()), ..unreached() });
    refused(send(&client, Method::GET, "t", &[], "").await, 404).await;
}

#[tokio::test]
async fn a_column_called_branch_can_be_filtered_by() {
    let (client, asked) = reading(|| Ok(rows("[]", 0, None)));
    send(&client, Method::GET, "t?branch=eq.x", &[], "").await.assert_status_is_ok();
    let QueryTable { branch, select } = taken(&asked);
    assert!(branch.resolve(None).unwrap().is_main() && select.filter.is_some());
}

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
        ("t?limit=2&offset=10", "[]", 0, 5, 206, "*/10", false),
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

#[tokio::test]
async fn who_may_not_write_need_not_send_the_rows() {
    struct Reader;
    #[async_trait]
    impl Authenticator for Reader {
        async fn authenticate(&self, credentials: &Credentials) -> Result<Arc<Principal>, Failure> {
            let everything = OneKey.authenticate(credentials).await?;
            Ok(Arc::new(Principal { scopes: Scopes::NONE.with(Scope::ReadTables), ..(*everything).clone() }))
        }
    }
    let mut unread = MockUnreadRequests::new();
    unread.expect_admit().times(1).returning(|_, action, code| {
        assert_eq!((action, code), (Action::InsertRecord, "missing_scope"));
        Ok(())
    });
    let client = over(RestPorts { authenticator: Arc::new(Reader), unread: Arc::new(unread), ..unreached() });
    let never = Body::from_bytes_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let response = client.post("/api/v1/tables/t").header("x-api-key", "good").body(never).send().await;
    refused(response, 403).await;
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
async fn a_filters_fault_lies_at_its_parameter() {
    let (client, _) = reading(|| Err(Fault::new("/filter/rel.agee", "no such column").into()));
    let problem = refused(send(&client, Method::GET, "t?rel.agee=eq.1&select=rel(x)", &[], "").await, 400).await;
    assert_eq!((&problem["errors"][0]["pointer"], &problem["detail"]), (&json!("/rel.agee"), &json!("/rel.agee: no such column")));
}

#[tokio::test]
async fn what_cannot_be_read_of_a_request_never_reaches_the_use_case() {
    let client = over(unreached());
    for (path, headers, status, code) in [
        ("t?age=5", &[][..], 400, "invalid"),
        ("t?select=id,(", &[], 400, "invalid"),
        ("t?limit=x", &[], 400, "invalid"),
        ("t?a=eq.%FF", &[], 400, "invalid_query"),
        ("t?columns=a", &[], 400, "unexpected_parameter"),
        ("t?branch=No", &[], 404, "not_found"),
        ("t", &[("accept", "text/csv")], 406, "not_acceptable"),
        ("t", &[("prefer", "handling=strict, foo=bar")], 400, "invalid_preference"),
        ("t", &[("range", "x")], 400, "invalid_range"),
        ("a/b/c", &[], 404, "no_such_route"),
    ] {
        let problem = refused(send(&client, Method::GET, path, headers, "").await, status).await;
        assert_eq!(problem["code"], code, "{path}: {problem}");
    }
    let faults = refused(send(&client, Method::GET, "t?age=5&limit=x", &[], "").await, 400).await;
    assert_eq!((&faults["errors"][0]["pointer"], &faults["errors"][1]["pointer"]), (&"/age".into(), &"/limit".into()));
}

#[tokio::test]
async fn methods_that_are_not_there_say_which_are() {
    let client = over(unreached());
    for (method, code) in [(Method::PUT, "not_supported"), (Method::OPTIONS, "method_not_allowed"), (Method::TRACE, "method_not_allowed")] {
        let response = send(&client, method, "t", &[], "").await;
        response.assert_header("allow", "GET, HEAD, POST, PATCH, DELETE");
        assert_eq!(refused(response, 405).await["code"], code);
    }
    // Whatever else is wrong with the request, and whoever sends it.
    for (path, headers) in [("t?limit=x&select=(", &[][..]), ("t", &[("authorization", "Basic x")]), ("a/b/c", &[])] {
        assert_eq!(refused(send(&client, Method::TRACE, path, headers, "").await, 405).await["code"], "method_not_allowed", "{path}");
    }
}

#[tokio::test]
async fn faults_of_the_query_string_are_400_and_those_of_the_body_422() {
    let unknown = || Err(Failure::Invalid(vec![Fault::new("/nmae", "no such column")]));
    let (client, _) = reading(unknown);
    refused(send(&client, Method::GET, "t?nmae=eq.1", &[], "").await, 400).await;
    let (client, _) = updating(Err(unknown().unwrap_err()));
    refused(send(&client, Method::PATCH, "t?nmae=eq.1", &[], "{}").await, 400).await;
    let (client, _) = updating(Err(unknown().unwrap_err()));
    refused(send(&client, Method::PATCH, "t?id=eq.1", &[], r#"{"nmae":1}"#).await, 422).await;
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

#[tokio::test]
async fn a_failure_before_the_status_is_a_problem() {
    let failing = || Chunks::new(["[1,"], 1).failing(Failure::internal("the secret")).boxed();
    let (client, _) = reading(move || Ok(Rows { total: None, estimated: false, document: failing() }));
    let problem = refused(send(&client, Method::GET, "t", &[], "").await, 500).await;
    assert!(!problem.to_string().contains("secret"));
}

#[tokio::test]
async fn a_view_that_takes_no_rows_has_not_that_method() {
    let failed = |sqlstate: &str| {
        let sql = SqlFailure { sqlstate: sqlstate.to_owned(), message: "cannot insert into view \"v\"".to_owned(), detail: None, hint: None };
        Failure::Database(Box::new(sql))
    };
    let not_in_state = move || failed("55000");
    let (client, _) = inserting(Err(not_in_state()));
    let response = send(&client, Method::POST, "v", &[], r#"{"a":1}"#).await;
    response.assert_header("allow", "GET, HEAD, PATCH, DELETE");
    assert_eq!(refused(response, 405).await["code"], "55000");
    let (client, _) = reading(move || Err(not_in_state()));
    assert_eq!(refused(send(&client, Method::GET, "v", &[], "").await, 400).await["code"], "55000");
    // One that writes when it is read.
    let (client, _) = reading(move || Err(failed("25006")));
    let response = send(&client, Method::GET, "v", &[], "").await;
    response.assert_header("allow", "HEAD, POST, PATCH, DELETE");
    assert_eq!(refused(response, 405).await["code"], "25006");
}

#[tokio::test]
async fn a_column_that_is_not_there_is_the_fault_of_who_named_it() {
    let fault = || Failure::from(Fault::new("/data/nope", "'t' has no column 'nope'"));
    let (client, _) = inserting(Err(fault()));
    let problem = refused(send(&client, Method::POST, "t?columns=nope", &[], r#"{"a":1}"#).await, 400).await;
    assert_eq!(problem["errors"][0]["pointer"], "/columns");
    let (client, _) = inserting(Err(fault()));
    let problem = refused(send(&client, Method::POST, "t", &[], r#"{"nope":1}"#).await, 422).await;
    assert_eq!(problem["errors"][0]["pointer"], "/data/nope");
    let (client, _) = updating(Err(fault()));
    let problem = refused(send(&client, Method::PATCH, "t?a=eq.1&columns=nope", &[], r#"{"a":1}"#).await, 400).await;
    assert_eq!(problem["errors"][0]["pointer"], "/columns");
}
