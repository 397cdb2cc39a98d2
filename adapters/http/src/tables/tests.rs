//! The table routes over mocked use cases: what every method has in common here, each method by itself within.

use crate::{
    Edge, Readiness, RestPorts, RestSettings, routes,
    testing::{Chunks, OneKey, ids},
};
use async_trait::async_trait;
use domain::{Action, Denied, Failure, Fault, Principal, Scope, Scopes, SqlFailure};
use http::Method;
use poem::{
    Body, Endpoint,
    test::{TestClient, TestResponse},
};
use ports::{
    driven::{Document, Rows, Written},
    driving::{Authenticator, Command, Credentials, DeleteRecord, InsertRecord, MockUnreadRequests, MockUseCase, QueryTable, UpdateRecord},
};
use serde_json::Value;
use std::sync::{Arc, Mutex};

mod changing;
mod inserting;
mod paging;
mod reading;

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
async fn who_may_not_write_need_not_send_the_rows() {
    struct Reader;
    #[async_trait]
    impl Authenticator for Reader {
        async fn authenticate(&self, credentials: &Credentials) -> Result<Arc<Principal>, Failure> {
            let everything = OneKey.authenticate(credentials).await?;
            Ok(Arc::new(Principal { scopes: Scopes::NONE.with(Scope::ReadTables), ..(*everything).clone() }))
        }
    }
    let mut guarded = MockUseCase::<InsertRecord>::new();
    guarded.expect_run().times(1).returning(|caller, command| {
        // What its audit row tells.
        assert_eq!((command.target().as_deref(), &command.insert.rows[..]), (Some("t"), "[]"));
        Err(caller.principal.authorize(InsertRecord::ACTION).unwrap_err().into())
    });
    let client = over(RestPorts { authenticator: Arc::new(Reader), insert_record: Arc::new(guarded), ..unreached() });
    let never = Body::from_bytes_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let response = client.post("/api/v1/tables/t").header("x-api-key", "good").content_type("application/json").body(never).send().await;
    assert_eq!(refused(response, 403).await["code"], "missing_scope");
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
