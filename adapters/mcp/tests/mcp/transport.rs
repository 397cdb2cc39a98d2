//! HTTP: who is let in, and what is answered to what is no message.

use crate::house::{ALL, House, NOBODY, body, kept, rows};
use async_trait::async_trait;
use domain::{Action, Caller, Failure, Fault};
use futures_util::FutureExt;
use http::StatusCode;
use ports::{
    driven::{Rows, Written},
    driving::{QueryTable, UseCase},
};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

#[tokio::test]
async fn health_needs_no_credentials() {
    let client = House::new().open();
    let response = client.http.get("/mcp/health").send().await;
    response.assert_status_is_ok();
    assert_eq!(
        body(response).await,
        json!({"status": "ok", "protocolVersions": ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]})
    );
}

#[tokio::test]
async fn nobody_comes_in_without_a_good_credential_and_learns_nothing() {
    let client = House::new().open();
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}).to_string();
    for message in [PING, &initialize, "not even json"] {
        for key in [None, Some("fb_pk_wrong")] {
            let mut request = client.http.post("/mcp").header("host", "localhost").content_type("application/json").body(message.to_owned());
            if let Some(key) = key {
                request = request.header("x-api-key", key);
            }
            let response = request.send().await;
            response.assert_status(StatusCode::UNAUTHORIZED);
            response.assert_content_type("application/problem+json");
            response.assert_header(
                "www-authenticate",
                if key.is_some() { r#"Bearer realm="fluxbase", error="invalid_token""# } else { r#"Bearer realm="fluxbase""# },
            );
            let problem = body(response).await;
            assert_eq!((&problem["code"], &problem["status"]), (&json!("unauthenticated"), &json!(401)));
            assert_eq!((&problem["type"], &problem["title"]), (&json!("about:blank"), &json!("Unauthorized")));
            assert!(problem["message"].is_string() && problem["message"] == problem["detail"], "{problem}");
            assert!(!problem.to_string().contains("digit"), "{problem}");
        }
    }
    let response =
        client.http.post("/mcp").header("host", "localhost").header("authorization", "Basic abc").header("x-api-key", ALL).body(PING).send().await;
    response.assert_status(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn supabases_header_counts_where_it_comes_alone_as_over_rest() {
    let client = House::new().open();
    let send = async |headers: &[(&'static str, &'static str)]| {
        let request = client.http.post("/mcp").header("host", "localhost").content_type("application/json").body(PING);
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.0.status()
    };
    assert_eq!(send(&[("apikey", ALL)]).await, StatusCode::OK);
    assert_eq!(send(&[("apikey", "fb_pk_wrong")]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(send(&[("apikey", "fb_pk_wrong"), ("x-api-key", ALL)]).await, StatusCode::OK);
}

#[tokio::test]
async fn a_key_in_the_wrong_header_is_told_the_right_one() {
    let client = House::new().open();
    for (name, value, right) in [
        ("x-api-key", "sb_service_x", "X-Service-Key"),
        ("authorization", "Bearer sb_service_x", "X-Service-Key"),
        ("x-service-key", ALL, "X-API-Key"),
    ] {
        let response =
            client.http.post("/mcp").header("host", "localhost").header(name, value).content_type("application/json").body(PING).send().await;
        response.assert_status(StatusCode::UNAUTHORIZED);
        assert!(body(response).await["detail"].as_str().unwrap().contains(right), "{name}");
    }
}

#[tokio::test]
async fn an_authenticator_that_is_away_is_no_refusal() {
    let response = House::new().open().post("fb_pk_later").body(PING).send().await;
    response.assert_status(StatusCode::SERVICE_UNAVAILABLE);
    response.assert_header("retry-after", "1");
    assert!(!body(response).await.to_string().contains("10.0.0.1"));
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_kept_out_before_their_credentials_are_looked_at() {
    let client = House::new().open();
    let send = async |headers: &[(&'static str, &'static str)]| {
        let request = client.http.post("/mcp").content_type("application/json").body(PING);
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.0.status()
    };
    assert_eq!(send(&[("host", "evil.example")]).await, StatusCode::FORBIDDEN);
    assert_eq!(send(&[("host", "localhost"), ("origin", "https://evil.example")]).await, StatusCode::FORBIDDEN);
    assert_eq!(send(&[]).await, StatusCode::BAD_REQUEST);
    assert_eq!(send(&[("host", "localhost"), ("origin", "http://localhost:6274"), ("x-api-key", ALL)]).await, StatusCode::OK);
}

#[tokio::test]
async fn only_posts_of_json_are_messages() {
    let client = House::new().open();
    for request in [client.http.get("/mcp"), client.http.delete("/mcp"), client.http.put("/mcp")] {
        let response = request.header("host", "localhost").header("x-api-key", ALL).header("accept", "text/event-stream").send().await;
        response.assert_status(StatusCode::METHOD_NOT_ALLOWED);
        response.assert_header("allow", "POST");
    }
    let response = client.http.post("/mcp").header("host", "localhost").header("x-api-key", ALL).content_type("text/plain").body(PING).send().await;
    response.assert_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for (coding, status) in [("gzip", StatusCode::UNSUPPORTED_MEDIA_TYPE), ("identity", StatusCode::OK)] {
        client.post(ALL).header("content-encoding", coding).body(PING).send().await.assert_status(status);
    }
    client.post(ALL).header("accept", "text/html").body(PING).send().await.assert_status(StatusCode::NOT_ACCEPTABLE);
    client.post(ALL).header("accept", "*/*").body(PING).send().await.assert_status_is_ok();
    client.http.get("/mcp/sse").header("host", "localhost").send().await.assert_status(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_no_message_is_answered_as_json_rpc() {
    let client = House::new().open();
    for (message, code) in [
        ("", -32700),
        ("{", -32700),
        ("[{", -32700),
        ("1", -32600),
        ("[]", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":5}}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query_table","arguments":[]}}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{}}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"no/such"}"#, -32601),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":5}}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"resources/list","params":{"cursor":"x"}}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, -32600),
    ] {
        let response = client.post(ALL).body(message).send().await;
        response.assert_content_type("application/json");
        let answer = body(response).await;
        assert_eq!(answer["error"]["code"], code, "{message}: {answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(' '), "a sentence: {answer}");
    }
}

#[tokio::test]
async fn a_message_may_be_as_large_as_said_and_no_larger() {
    let mut house = House::new().query(|_| Ok(rows("[]", 0)));
    house.settings.max_message_size = 6_000_000;
    let client = house.open();
    let call = |size: usize| {
        let filter = "x".repeat(size);
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query_table", "arguments": {"table": "t", "select": "a"}, "_meta": {"x": filter}}})
    };
    client.send(ALL, &call(5_900_000)).await.assert_status_is_ok();
    let response = client.send(ALL, &call(6_000_000)).await;
    response.assert_status(StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(body(response).await["code"], "too_large");
    client.post(ALL).header("content-length", "6000001").body(PING).send().await.assert_status(StatusCode::PAYLOAD_TOO_LARGE);
    let big_ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"_meta": {"x": "y".repeat(2_000_000)}}});
    client.send(ALL, &big_ping).await.assert_status(StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn every_response_carries_its_request_id() {
    let client = House::new().open();
    client.post(ALL).header("x-request-id", "abc-1").body(PING).send().await.assert_header("x-request-id", "abc-1");
    let fresh = uuid::Uuid::from_u128(9).to_string();
    client.post(ALL).header("x-request-id", "not good").body(PING).send().await.assert_header("x-request-id", &fresh);
    client.post("wrong").body(PING).send().await.assert_header("x-request-id", &fresh);
}

#[tokio::test]
async fn batches_are_answered_where_the_revision_has_them() {
    let client = House::new().query(|_| Ok(rows("[]", 0))).open();
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": "b", "method": "tools/call", "params": {"name": "query_table", "arguments": {"table": "t"}}},
        {"jsonrpc": "2.0", "id": 3, "method": "initialize", "params": {}},
        {"jsonrpc": "1.0"},
    ]);
    let answers = body(client.send(ALL, &batch).await).await;
    let ids: Vec<&Value> = answers.as_array().unwrap().iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [&json!(1), &json!("b"), &json!(3), &Value::Null]);
    assert_eq!((&answers[2]["error"]["code"], &answers[3]["error"]["code"]), (&json!(-32600), &json!(-32600)));
    let notices = json!([{"jsonrpc": "2.0", "method": "notifications/initialized"}]);
    client.send(ALL, &notices).await.assert_status(StatusCode::ACCEPTED);
    let response = client.post(ALL).header("mcp-protocol-version", "2025-11-25").body(batch.to_string()).send().await;
    assert_eq!(body(response).await["error"]["code"], -32600);
}

#[tokio::test]
async fn a_message_of_a_batch_that_is_refused_takes_no_answer_from_the_others() {
    let client = House::new().insert(|_| Ok(Written { affected: 1, inserted: Some(1), document: None })).open();
    let large = "x".repeat(1024 * 1024);
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "insert_record", "arguments": {"table": "t", "data": {"a": 1}}}},
        {"jsonrpc": "2.0", "id": "large", "method": "ping", "params": {"x": large}},
        {"jsonrpc": "2.0", "method": "notifications/initialized", "params": {"x": large}},
        {"jsonrpc": "2.0", "id": 3, "method": "ping"},
    ]);
    let response = client.send(ALL, &batch).await;
    response.assert_status_is_ok();
    let answers = body(response).await;
    let ids: Vec<&Value> = answers.as_array().unwrap().iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [&json!(1), &json!("large"), &json!(3)]);
    assert_eq!(answers[0]["result"]["structuredContent"]["affected"], 1);
    assert_eq!(answers[1]["error"]["code"], -32600);
    assert!(answers[1]["error"]["message"].as_str().unwrap().contains("bytes"), "{}", answers[1]);
    client.send(ALL, &batch[1]).await.assert_status(StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_guards_are_told_once_of_a_call_that_no_use_case_saw() {
    let (kept, told) = kept();
    let client = House::new().keeping_unread(kept).query(|_| Err(Failure::Invalid(vec![Fault::new("/filter/a", "is no column")]))).open();
    let told = || std::mem::take(&mut *told.lock().unwrap());
    for (arguments, code) in [
        (json!({"tabel": "t"}), "invalid"),
        (json!({"table": "t", "select": "id,("}), "invalid"),
        (json!({"table": "t", "branch": "No Slug"}), "not_found"),
    ] {
        let answer = client.call(ALL, "query_table", arguments.clone()).await;
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        assert_eq!(told(), [(Action::QueryTable, code.to_owned())], "{arguments}");
        // Who may not call it is told nothing of what is wrong with it.
        let answer = client.call(NOBODY, "query_table", arguments).await;
        assert!(answer["error"]["message"].as_str().unwrap().contains("may not be called"), "{answer}");
        assert_eq!(told().len(), 1);
    }
    client.call(ALL, "query_table", json!({"table": "t"})).await;
    client.call(NOBODY, "query_table", json!({"table": "t"})).await;
    assert_eq!(told(), [], "the use case saw them");
    let resource = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "fluxbase://schema/tables"}});
    client.post(ALL).header("x-fluxbase-branch", "No Slug").body(resource.to_string()).send().await;
    assert_eq!(told(), [(Action::ListTables, "not_found".to_owned())]);
}

/// Never ends, and says when it was dropped.
struct Endless {
    begun: Arc<tokio::sync::Notify>,
    dropped: Arc<AtomicBool>,
}

struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl UseCase<QueryTable> for Endless {
    async fn run(&self, _caller: &Caller, _command: QueryTable) -> Result<Rows, Failure> {
        let _dropped = Dropped(self.dropped.clone());
        self.begun.notify_one();
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_call_with_it() {
    for extra in ["", r#","by the sdk":1"#] {
        let (begun, dropped) = (Arc::new(tokio::sync::Notify::new()), Arc::new(AtomicBool::new(false)));
        let client = House::new().query_by(Endless { begun: begun.clone(), dropped: dropped.clone() }).open();
        let message =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"query_table","arguments":{{"table":"t"}}{extra}}}}}"#);
        let mut asked = Box::pin(client.post(ALL).body(message).send());
        tokio::select! {
            _ = &mut asked => panic!("it never ends"),
            () = begun.notified() => {}
        }
        assert!(asked.as_mut().now_or_never().is_none());
        drop(asked);
        while !dropped.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }
}
