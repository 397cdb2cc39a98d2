//! All routes together.

use super::{RestPorts, RestSettings, routes};
use crate::{
    Edge, Listener, Readiness, ServeOptions, openapi_document,
    testing::{Chunks, OneKey, ids},
};
use async_trait::async_trait;
use domain::{
    Branch, BranchId, BranchState, BranchType, DataCloneMode, Failure, Generation, Operation, OperationId, OperationKind, Scope, Scopes, UserId,
    access::{KeyId, Restrictions},
    branch::Withheld,
    page::Page,
    table::QualifiedName,
    user::User,
};
use http::{Method, StatusCode};
use poem::{
    Endpoint, Response,
    endpoint::make_sync,
    test::{TestClient, TestResponse},
};
use ports::{
    driven::{KeyKind, KeyRecord, Secret},
    driving::{CreateApiKey, CreateBranch, CreatedKey, GetOperation, ListBranches, MockUseCase, SessionTokens, SignIn, StartedOperation},
};
use serde_json::{Value, json};
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

mod branches;

struct Ready(Result<(), String>);

#[async_trait]
impl Readiness for Ready {
    async fn ready(&self) -> Result<(), String> {
        self.0.clone()
    }
}

fn unreached() -> RestPorts {
    RestPorts::unreached(Arc::new(OneKey), Arc::new(Ready(Ok(()))))
}

fn over(ports: RestPorts) -> TestClient<impl Endpoint> {
    let settings = RestSettings { max_body_bytes: 1000, render_metrics: Some(Arc::new(|| "up 1\n".to_owned())), ..RestSettings::default() };
    let beside = make_sync(|_| Response::builder().body("beside"));
    TestClient::new(Edge::around(routes(ports, settings).nest("/mcp", beside), ids()))
}

async fn problem(response: TestResponse, status: u16) -> Value {
    assert_eq!(response.0.status().as_u16(), status);
    response.assert_content_type("application/problem+json");
    response.assert_header_exist("x-request-id");
    response.0.into_body().into_json().await.unwrap()
}

/// Every described route, its parameters filled in.
fn described() -> Vec<(Method, String, String)> {
    let document: Value = serde_json::from_str(&openapi_document()).unwrap();
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let path = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
            let id = operation["operationId"].as_str().unwrap().to_owned();
            routes.push((method.to_uppercase().parse().unwrap(), path, id));
        }
    }
    routes
}

#[tokio::test]
async fn every_route_refuses_who_has_no_credential_or_a_bad_one() {
    let client = over(unreached());
    let open = ["sign_up", "sign_in", "refresh_session", "healthz", "readyz", "mcp", "mcp_health"];
    let routes = described();
    assert!(routes.len() > 30, "{routes:?}");
    for (method, path, _) in routes.into_iter().filter(|(_, _, id)| !open.contains(&id.as_str())) {
        for header in [("x-nothing", ""), ("x-api-key", "bad"), ("authorization", "Basic YTpi"), ("authorization", "Bearer a b")] {
            let response = client.request(method.clone(), &path).header(header.0, header.1).content_type("application/json").body("{").send().await;
            assert_eq!(response.0.status(), StatusCode::UNAUTHORIZED, "{method} {path} {header:?}");
            response.assert_header("www-authenticate", "Bearer realm=\"fluxbase\"");
            response.assert_content_type("application/problem+json");
        }
    }
}

#[tokio::test]
async fn an_unfinished_body_is_a_problem_on_every_route_that_takes_one() {
    let client = over(unreached());
    for path in ["/api/v1/auth/signin", "/api/v1/admin/branches", "/api/v1/admin/users", "/api/v1/admin/api-keys", "/api/v1/tables/t"] {
        let response = client.post(path).header("x-api-key", "good").content_type("application/json").body("{").send().await;
        assert_eq!(problem(response, 400).await["code"], "invalid_json", "{path}");
        let response = client.post(path).header("x-api-key", "good").content_type("text/csv").body("a,b").send().await;
        assert_eq!(problem(response, 415).await["code"], "unsupported_media_type", "{path}");
        let response = client.post(path).header("x-api-key", "good").body("x".repeat(1001)).send().await;
        assert_eq!(problem(response, 413).await["code"], "too_large", "{path}");
    }
}

#[tokio::test]
async fn a_key_that_is_there_twice_in_a_body_is_a_problem() {
    let body = r#"{"email": "a@example.com", "password": "first one", "password": "second one"}"#;
    let response = over(unreached()).post("/api/v1/auth/signin").content_type("application/json").body(body).send().await;
    let problem = problem(response, 400).await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(problem["code"] == "invalid_json" && detail.contains("'password' is there twice") && !detail.contains(" one"), "{problem}");
}

#[tokio::test]
async fn every_refused_method_is_told_those_that_there_are() {
    let client = over(unreached());
    for (path, allow) in [
        ("/openapi.json", "GET, HEAD"),
        ("/docs", "GET, HEAD"),
        ("/metrics", "GET, HEAD"),
        ("/healthz", "GET, HEAD"),
        ("/api/v1/auth/signin", "POST"),
        ("/api/v1/admin/branches", "GET, HEAD, POST"),
    ] {
        for method in ["PUT", "OPTIONS", "FROB", "get"] {
            let response = client.request(method.parse().unwrap(), path).send().await;
            response.assert_header("allow", allow);
            assert_eq!(problem(response, 405).await["code"], "method_not_allowed", "{method} {path}");
        }
        let found = client.head(path).send().await.0.status();
        assert!(allow == "POST" || found != StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}

#[tokio::test]
async fn probes_may_bring_parameters_of_their_own() {
    for path in ["/healthz?x=1", "/readyz?cache=no&cache=never"] {
        over(unreached()).get(path).send().await.assert_status_is_ok();
    }
}

#[tokio::test]
async fn who_has_shown_no_credential_sends_no_megabytes() {
    let client = TestClient::new(Edge::around(routes(unreached(), RestSettings::default()), ids()));
    let body = format!("[{}]", "1,".repeat(150_000));
    let response = client.post("/api/v1/auth/signin").content_type("application/json").body(body).send().await;
    assert_eq!(problem(response, 413).await["code"], "too_large");
}

#[tokio::test]
async fn every_fault_of_a_body_is_told_with_its_pointer() {
    let body = json!({"email": 5, "pasword": "x"}).to_string();
    let response = over(unreached()).post("/api/v1/auth/signup").content_type("application/json").body(body).send().await;
    let problem = problem(response, 422).await;
    let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/email", "/password", "/pasword"]);
}

#[tokio::test]
async fn what_is_not_there_is_said_clearly() {
    let client = over(unreached());
    assert_eq!(problem(client.get("/api/v1/nothing").send().await, 404).await["code"], "no_such_route");
    let response = client.put("/api/v1/admin/branches").send().await;
    response.assert_header("allow", "GET, HEAD, POST");
    assert_eq!(problem(response, 405).await["code"], "method_not_allowed");
    client.request(http::Method::TRACE, "/healthz").send().await.assert_header("allow", "GET, HEAD");
    for query in ["?limits=5", "?limit=x", "?limit=0", "?limit=1&limit=2", "?cursor=%FF"] {
        let response = client.get(format!("/api/v1/admin/users{query}")).header("x-api-key", "good").send().await;
        let problem = problem(response, 400).await;
        assert!(problem["errors"][0]["pointer"].is_string(), "{query}: {problem}");
    }
    let response = client.get("/api/v1/admin/operations/x").header("x-api-key", "good").send().await;
    assert_eq!(problem(response, 404).await["detail"], "operation 'x' was not found");
}

#[tokio::test]
async fn health_documents_and_other_doors_are_beside() {
    let client = over(unreached());
    client.get("/healthz").send().await.assert_json(json!({"status": "ok"})).await;
    client.get("/readyz").send().await.assert_json(json!({"status": "ok"})).await;
    client.get("/metrics").send().await.assert_text("up 1\n").await;
    client.get("/openapi.json").send().await.assert_text(openapi_document()).await;
    client.get("/mcp/health").send().await.assert_text("beside").await;
    let page = client.get("/docs").send().await;
    page.assert_content_type("text/html; charset=utf-8");
    page.assert_header_exist("content-security-policy");
    let not_ready = over(RestPorts { readiness: Arc::new(Ready(Err("PostgreSQL is starting".to_owned()))), ..unreached() });
    let response = not_ready.get("/readyz").send().await;
    response.assert_header("retry-after", "1");
    assert_eq!(problem(response, 503).await["detail"], "PostgreSQL is starting");
}

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn branch() -> Branch {
    Branch {
        id: BranchId::from_uuid(Uuid::nil()),
        name: "feature/a".parse().unwrap(),
        slug: "feature-a".parse().unwrap(),
        branch_type: BranchType::Preview,
        clone_mode: DataCloneMode::FullClone,
        parent_id: None,
        created_by: Some(UserId::from_uuid(Uuid::nil())),
        created_at: NOW,
        updated_at: NOW,
        expires_at: None,
        withheld: vec![Withheld::all_rows(QualifiedName::new("auth", "sessions"), "personal")],
        data_as_of: None,
        protected: false,
        pull_request: None,
        grants: Vec::new(),
        previous: None,
        state: BranchState::Ready { generation: Generation::FIRST },
    }
}

#[tokio::test]
async fn a_branch_is_made_and_shown_as_the_contract_says() {
    let mut use_case = MockUseCase::<CreateBranch>::new();
    use_case
        .expect_run()
        .withf(|_, command| command.name.as_str() == "feature/a" && command.clone_mode == Some(DataCloneMode::FullClone) && command.parent.is_none())
        .return_once(|_, _| {
            let operation =
                Operation::queued(OperationId::from_uuid(Uuid::nil()), OperationKind::DeleteBranch, BranchId::from_uuid(Uuid::nil()), NOW);
            Ok(StartedOperation { branch: branch(), operation })
        });
    let client = over(RestPorts { create_branch: Arc::new(use_case), ..unreached() });
    let body = json!({"name": "feature/a", "data_clone_mode": "full_clone"}).to_string();
    let response = client.post("/api/v1/admin/branches").header("x-api-key", "good").content_type("application/json").body(body).send().await;
    response.assert_status(StatusCode::ACCEPTED);
    response.assert_header("location", "/api/v1/admin/operations/00000000-0000-0000-0000-000000000000");
    let (id, time) = ("00000000-0000-0000-0000-000000000000", "1970-01-01T00:00:00Z");
    let step =
        |name: &str| json!({"name": name, "status": "queued", "started_at": null, "finished_at": null, "done": null, "total": null, "unit": null});
    let expected = json!({
        "branch": {
            "id": id, "name": "feature/a", "slug": "feature-a", "status": "ready", "type": "preview", "data_clone_mode": "full_clone",
            "parent_id": null, "created_by": id, "created_at": time, "updated_at": time, "expires_at": null, "generation": 1,
            "operation_id": null, "data_as_of": null, "protected": false, "previous": null,
            "withheld": [{"table": "auth.sessions", "rows": "all", "nulled_columns": [], "masked_columns": [], "reason": "personal"}],
            "error": null, "github": null
        },
        "operation": {
            "id": id, "kind": "delete_branch", "branch_id": id, "status": "queued",
            "steps": [step("shut_out"), step("drop_database"), step("forget")], "error": null, "result": null, "cancel_requested": false,
            "created_at": time, "finished_at": null
        }
    });
    response.assert_json(expected).await;
}

#[tokio::test]
async fn lists_have_items_and_a_cursor() {
    let mut use_case = MockUseCase::<ListBranches>::new();
    use_case
        .expect_run()
        .withf(|_, command| command.page.limit == 2 && command.page.cursor.as_deref() == Some("c"))
        .return_once(|_, _| Ok(Page { items: vec![branch()], next_cursor: Some("d".to_owned()) }));
    let client = over(RestPorts { list_branches: Arc::new(use_case), ..unreached() });
    let response = client.get("/api/v1/admin/branches?limit=2&cursor=c").header("x-api-key", "good").send().await;
    let page: Value = response.0.into_body().into_json().await.unwrap();
    assert_eq!((&page["items"][0]["slug"], &page["next_cursor"]), (&json!("feature-a"), &json!("d")));
}

#[tokio::test]
async fn a_new_key_is_shown_once_with_its_secret() {
    let mut use_case = MockUseCase::<CreateApiKey>::new();
    use_case.expect_run().withf(|_, command| command.scopes == Scopes::NONE.with(Scope::WriteTables) && command.read_only).return_once(
        |_, command| {
            let restrictions = Restrictions { read_only: true, ..Restrictions::default() };
            let record = KeyRecord {
                id: KeyId::from_uuid(Uuid::nil()),
                kind: KeyKind::Api,
                name: command.name,
                prefix: "fb_pk_abc".to_owned(),
                user_id: None,
                scopes: command.scopes,
                restrictions,
                created_at: NOW,
                expires_at: None,
                revoked_at: None,
            };
            Ok(CreatedKey { record, secret: Secret::new("fb_pk_abcdef") })
        },
    );
    let client = over(RestPorts { create_api_key: Arc::new(use_case), ..unreached() });
    let body = json!({"name": "n", "scopes": ["write:tables"], "read_only": true}).to_string();
    let response = client.post("/api/v1/admin/api-keys").header("x-api-key", "good").content_type("application/json").body(body).send().await;
    response.assert_status(StatusCode::CREATED);
    response.assert_header("cache-control", "no-store");
    let key: Value = response.0.into_body().into_json().await.unwrap();
    assert_eq!((&key["key"], &key["prefix"], &key["scopes"]), (&json!("fb_pk_abcdef"), &json!("fb_pk_abc"), &json!(["write:tables"])));
}

#[tokio::test]
async fn a_table_without_a_schema_is_taken_for_one_of_public_only_where_that_is_served() {
    let settings = RestSettings { serves_public: false, ..RestSettings::default() };
    let client = TestClient::new(Edge::around(routes(unreached(), settings), ids()));
    let body = json!({"name": "n", "tables": ["app.a", "b"]}).to_string();
    let response = client.post("/api/v1/admin/api-keys").header("x-api-key", "good").content_type("application/json").body(body).send().await;
    let refused = problem(response, 422).await;
    assert_eq!(refused["errors"][0]["pointer"], "/tables/1", "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("write schema.table"), "{refused}");
}

#[tokio::test]
async fn signing_in_needs_no_credential() {
    let mut use_case = MockUseCase::<SignIn>::new();
    use_case.expect_run().withf(|caller, command| caller.principal.scopes.is_empty() && command.password.expose() == "secret 1").return_once(
        |_, _| {
            let user = User { id: UserId::from_uuid(Uuid::nil()), email: "a@b.cd".to_owned(), admin: false, member: false, created_at: NOW };
            Ok(SessionTokens { access_token: Secret::new("at"), refresh_token: Secret::new("rt"), expires_in: 60, user })
        },
    );
    let client = over(RestPorts { sign_in: Arc::new(use_case), ..unreached() });
    let body = json!({"email": " A@b.cd", "password": "secret 1"}).to_string();
    let response = client.post("/api/v1/auth/signin").content_type("application/json").body(body).send().await;
    response.assert_status_is_ok();
    let session: Value = response.0.into_body().into_json().await.unwrap();
    assert_eq!((&session["access_token"], &session["token_type"], &session["user"]["email"]), (&json!("at"), &json!("bearer"), &json!("a@b.cd")));
}

#[tokio::test]
async fn a_cause_never_leaves_the_house() {
    let mut use_case = MockUseCase::<GetOperation>::new();
    use_case.expect_run().return_once(|_, _| Err(Failure::internal("password=hunter2")));
    let client = over(RestPorts { get_operation: Arc::new(use_case), ..unreached() });
    let response = client.get(format!("/api/v1/admin/operations/{}", Uuid::nil())).header("x-api-key", "good").send().await;
    let problem = problem(response, 500).await;
    assert!(!problem.to_string().contains("hunter2"), "{problem}");
}

#[tokio::test]
async fn over_a_real_connection_head_tells_the_length_and_a_dropped_client_ends_the_use_case() {
    use ports::{driven::Rows, driving::QueryTable};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Answers HEAD at once; a read of `slow` never ends, and tells when it is dropped.
    struct Reads(tokio::sync::mpsc::UnboundedSender<()>);

    struct Dropped(tokio::sync::mpsc::UnboundedSender<()>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    #[async_trait]
    impl ports::driving::UseCase<QueryTable> for Reads {
        async fn run(&self, _caller: &domain::Caller, command: QueryTable) -> Result<Rows, Failure> {
            if command.select.table.name == "slow" {
                let _dropped = Dropped(self.0.clone());
                let _ = self.0.send(());
                std::future::pending::<()>().await;
            }
            Ok(Rows { total: None, estimated: false, document: Chunks::new(["[1,2]"], 2).boxed() })
        }
    }

    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let rest = routes(RestPorts { query_table: Arc::new(Reads(sender)), ..unreached() }, RestSettings::default());
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr();
    tokio::spawn(listener.serve(Edge::around(rest, ids()), std::future::pending(), ServeOptions::default()));

    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client.write_all(b"HEAD /api/v1/tables/t HTTP/1.1\r\nhost: a\r\nx-api-key: good\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("content-length: 5\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");

    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /api/v1/tables/slow HTTP/1.1\r\nhost: a\r\nx-api-key: good\r\n\r\n").await.unwrap();
    events.recv().await.expect("it began");
    drop(client);
    tokio::time::timeout(std::time::Duration::from_secs(5), events.recv()).await.expect("it was dropped in time");
}
