//! Both eras of the protocol: the handshake, and requests that carry everything themselves.

use crate::house::{ALL, Client, House, READER, body, rows};
use http::StatusCode;
use poem::{Endpoint, test::TestResponse};
use serde_json::{Value, json};

const NEW: &str = "2026-07-28";

async fn modern<E: Endpoint>(client: &Client<E>, method: &str, name: Option<&str>, mut params: Value) -> TestResponse {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": NEW,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}
    });
    let request = client.post(ALL).header("mcp-protocol-version", NEW).header("mcp-method", method);
    let request = name.into_iter().fold(request, |request, name| request.header("mcp-name", name));
    request.body(json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string()).send().await
}

#[tokio::test]
async fn the_handshake_settles_on_what_the_client_asks_for() {
    let client = House::new().open();
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        let response = client.send(READER, &json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})).await;
        response.assert_header_is_not_exist("mcp-session-id");
        let answer = body(response).await;
        assert_eq!(answer["result"]["protocolVersion"], version, "{answer}");
        assert_eq!(answer["result"]["serverInfo"]["name"], "fluxbase");
        assert_eq!(answer["result"]["capabilities"], json!({"tools": {}, "resources": {}}));
        assert!(answer["result"]["instructions"].as_str().unwrap().contains("list_tables"));
        let response = client.send(READER, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        response.assert_status(StatusCode::ACCEPTED);
        let list = client.post(READER).header("mcp-protocol-version", version);
        let list = body(list.body(r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#).send().await).await;
        assert_eq!(list["result"]["tools"].as_array().unwrap().len(), 3, "{list}");
    }
}

#[tokio::test]
async fn the_newest_revision_needs_no_handshake() {
    let client = House::new().query(|_| Ok(rows(r#"[{"id":1}]"#, 1))).open();
    let discovered = body(modern(&client, "server/discover", None, json!({})).await).await;
    assert!(discovered["result"]["supportedVersions"].as_array().unwrap().contains(&json!(NEW)), "{discovered}");
    let list = body(modern(&client, "tools/list", None, json!({})).await).await;
    assert_eq!((&list["result"]["resultType"], &list["result"]["cacheScope"]), (&json!("complete"), &json!("private")), "{list}");
    let call = body(modern(&client, "tools/call", Some("query_table"), json!({"name": "query_table", "arguments": {"table": "t"}})).await).await;
    assert_eq!(call["result"]["resultType"], "complete");
    assert_eq!(call["result"]["structuredContent"], json!({"rows": [{"id": 1}]}));
}

#[tokio::test]
async fn headers_that_contradict_the_message_are_refused() {
    let client = House::new().open();
    let response = modern(&client, "tools/call", Some("list_tables"), json!({"name": "query_table", "arguments": {"table": "t"}})).await;
    response.assert_status(StatusCode::BAD_REQUEST);
    assert_eq!(body(response).await["error"]["code"], -32020);
    let response =
        client.post(ALL).header("mcp-protocol-version", "1999-01-01").body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).send().await;
    response.assert_status(StatusCode::BAD_REQUEST);
    assert!(body(response).await["detail"].as_str().unwrap().contains("1999-01-01"));
}

#[tokio::test]
async fn our_answer_and_the_sdks_are_the_same() {
    let reply = |command: ports::driving::QueryTable| match command.select.table.name.as_str() {
        "gone" => Err(domain::Failure::not_found("table", "gone")),
        "broken" => Err(domain::Failure::internal("secret cause")),
        _ => Ok(ports::driven::Rows { total: Some(30), ..rows("[{\"id\":1,\"n\":1.10,\"t\":\"é\\n\"},\n {\"id\":2}]", 2) }),
    };
    let client = House::new().query(reply).open();
    for (tool, arguments) in [
        ("query_table", json!({"table": "t"})),
        ("query_table", json!({"table": "t", "limit": 1, "count": "exact"})),
        ("query_table", json!({"table": "gone"})),
        ("query_table", json!({"table": "broken"})),
        ("query_table", json!({"tabel": "t", "limit": 0})),
        ("query_tabel", json!({})),
        ("describe_table", Value::Null),
    ] {
        let params = |by_sdk: bool| {
            let mut params = json!({"name": tool, "arguments": arguments});
            if by_sdk {
                params["left to the sdk"] = json!(true);
            }
            params
        };
        for key in [ALL, READER, crate::house::NOBODY] {
            assert_eq!(client.ask(key, "tools/call", params(false)).await, client.ask(key, "tools/call", params(true)).await, "{tool} {arguments}");
        }
        let ours = modern(&client, "tools/call", Some(tool), params(false)).await;
        let theirs = modern(&client, "tools/call", Some(tool), params(true)).await;
        assert_eq!(ours.0.status(), theirs.0.status());
        assert_eq!(ours.0.content_type(), theirs.0.content_type());
        assert_eq!(body(ours).await, body(theirs).await, "{tool} {arguments}");
    }
}
