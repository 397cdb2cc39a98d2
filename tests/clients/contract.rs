//! What was promised to clients, to the letter.

use fluxbase_tests::{Answer, TestServer, as_key};
use serde_json::{Value, json};

/// Every byte of it is read by a model, in every conversation.
const MAX_BYTES_OF_A_TOOL: usize = 1200;

#[tokio::test]
async fn no_tool_costs_more_than_its_share_of_a_listing() {
    let server = TestServer::shared().await;
    let listed = server.mcp_ask(server.key("alice"), "tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap_or_else(|| panic!("no tools in {listed}"));
    assert!(!tools.is_empty());
    for tool in tools {
        let bytes = tool.to_string().len();
        assert!(bytes <= MAX_BYTES_OF_A_TOOL, "{} has {bytes} bytes", tool["name"]);
    }
}

/// The example of the plan, sent as it stands there, without any header of a protocol revision.
#[tokio::test]
async fn the_example_of_the_plan_works_as_it_is_written() {
    let server = TestServer::shared().await;
    let body = r#"{
      "jsonrpc": "2.0",
      "id": 1,
      "method": "tools/call",
      "params": {
        "name": "query_table",
        "arguments": {
          "table": "users",
          "select": "id, email, created_at",
          "filter": {"is_active": "eq.true"},
          "order": "created_at.desc",
          "limit": 10
        }
      }
    }"#;
    let request = as_key(server.http().post(server.mcp_url()), server.key("alice")).header("Content-Type", "application/json").body(body);
    let answer = Answer::to(request).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"), "{answer:?}");
    let answer = answer.json();
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(1)));
    let content = &answer["result"]["content"][0];
    assert_eq!(content["type"], "text");
    let rows: Vec<Value> = serde_json::from_str(content["text"].as_str().expect("the content is text")).expect("the text is a list of rows");
    assert_eq!(rows.len(), 10);
    for row in rows {
        let columns: Vec<&String> = row.as_object().expect("rows are objects").keys().collect();
        assert_eq!(columns, ["created_at", "email", "id"]);
    }
}
