//! What tests ask a server: requests with a key, tool calls.

use super::{Answer, TestServer};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// Shows a credential in the header that is for its kind: API keys, service keys, and tokens as Bearer. An empty one shows nothing.
pub fn as_key(request: RequestBuilder, credential: &str) -> RequestBuilder {
    match credential {
        "" => request,
        key if key.starts_with("fb_pk_") => request.header("X-API-Key", key),
        key if key.starts_with("sb_service_") => request.header("X-Service-Key", key),
        token => request.bearer_auth(token),
    }
}

impl TestServer {
    /// The client, for requests of another kind.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A request below `/api/v1/`, not sent yet: `rest(Method::GET, "tables/tasks?limit=1", key)`. The path is sent as it stands, percent signs and all.
    pub fn rest(&self, method: Method, path: &str, credential: &str) -> RequestBuilder {
        as_key(self.http.request(method, format!("{}/api/v1/{path}", self.url())), credential)
    }

    /// Reads: `get("tables/tasks?limit=1", key)`.
    pub async fn get(&self, path: &str, credential: &str) -> Answer {
        Answer::to(self.rest(Method::GET, path, credential)).await
    }

    /// Sends a JSON body.
    pub async fn send(&self, method: Method, path: &str, credential: &str, body: &Value) -> Answer {
        Answer::to(self.rest(method, path, credential).json(body)).await
    }

    /// Makes an API key as the local owner: `new_key(json!({"user": "alice@example.com", "scopes": ["read:tables"]}))`. Returns the answer; its `key`
    /// is the secret.
    pub async fn new_key(&self, mut restrictions: Value) -> Value {
        restrictions["name"] = json!("test");
        let made = self.send(Method::POST, "admin/api-keys", &self.owner_key(), &restrictions).await;
        assert_eq!(made.status.as_u16(), 201, "{made:?}");
        made.json()
    }

    /// Makes an API key as the local owner and returns its secret.
    pub async fn new_secret(&self, restrictions: Value) -> String {
        self.new_key(restrictions).await["key"].as_str().expect("it is shown this once").to_owned()
    }

    /// A JSON-RPC message to the MCP endpoint as clients send it, not sent yet.
    pub fn mcp(&self, credential: &str, message: &Value) -> RequestBuilder {
        as_key(self.http.post(self.mcp_url()), credential)
            .header("Accept", "application/json, text/event-stream")
            .header("MCP-Protocol-Version", "2025-11-25")
            .json(message)
    }

    /// Calls a method and returns the whole JSON-RPC answer, be it a `result` or an `error`.
    pub async fn mcp_ask(&self, credential: &str, method: &str, params: Value) -> Value {
        let answer = Answer::to(self.mcp(credential, &json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))).await;
        match answer.header("content-type") {
            kind if kind.starts_with("text/event-stream") => last_event(&answer),
            _ => answer.json(),
        }
    }

    /// Calls a tool and returns the whole JSON-RPC answer.
    pub async fn mcp_call(&self, credential: &str, tool: &str, arguments: Value) -> Value {
        self.mcp_ask(credential, "tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    /// Calls a tool, which must succeed, and returns its structured content.
    pub async fn mcp_ok(&self, credential: &str, tool: &str, arguments: Value) -> Value {
        let answer = self.mcp_call(credential, tool, arguments).await;
        assert!(answer["result"]["isError"] != true && answer["error"].is_null(), "{tool}: {answer}");
        answer["result"]["structuredContent"].clone()
    }

    /// Calls a tool, which must refuse, and returns what it says to correct.
    pub async fn mcp_refused(&self, credential: &str, tool: &str, arguments: Value) -> String {
        let answer = self.mcp_call(credential, tool, arguments).await;
        assert_eq!(answer["result"]["isError"], true, "{tool}: {answer}");
        answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {answer}")).to_owned()
    }
}

/// The answer is the last message of a stream; what came before are notifications.
fn last_event(answer: &Answer) -> Value {
    let data = answer.body.lines().filter_map(|line| line.strip_prefix("data:")).rfind(|data| !data.trim().is_empty());
    serde_json::from_str(data.unwrap_or_else(|| panic!("no message: {answer:?}"))).expect("messages are JSON")
}
