//! A session of a client, whichever it is.

use fluxbase_tests::TestServer;
use serde_json::{Value, json};

/// A client that is connected, or that connects for each question.
pub(crate) trait Session {
    /// Asks by the client's own means. An error is what the client says where there is no result.
    async fn ask(&mut self, method: &str, params: Value) -> Result<Value, String>;

    /// Asks what must have a result.
    async fn result(&mut self, method: &str, params: Value) -> Value {
        self.ask(method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Calls a tool, which must succeed, and returns its structured content.
    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.result("tools/call", json!({"name": tool, "arguments": arguments})).await;
        assert_ne!(result["isError"], true, "{tool}: {result}");
        result["structuredContent"].clone()
    }

    /// The names of the tools that it shows.
    async fn tool_names(&mut self) -> Vec<String> {
        let result = self.result("tools/list", json!({})).await;
        let tools = result["tools"].as_array().unwrap_or_else(|| panic!("no tools in {result}"));
        tools.iter().map(|tool| tool["name"].as_str().expect("tools have names").to_owned()).collect()
    }
}

/// Where a client connects, and what it shows there.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Endpoint {
    /// A server's, with an API key.
    pub(crate) fn of(server: &TestServer, key: &str) -> Self {
        Self { url: server.mcp_url().to_owned(), headers: vec![("X-API-Key".to_owned(), key.to_owned())] }
    }
}

/// A key of Alice's that may read tables and nothing else.
pub(crate) async fn reading_key(server: &TestServer) -> String {
    let made = server.cli_json(&["keys", "create", "--name", "reader", "--user", "alice@example.com", "--scope", "read:tables"]).await;
    made["key"].as_str().expect("the key is shown once").to_owned()
}
