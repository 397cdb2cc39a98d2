//! What `fluxbase mcp config` prints leads a client to the server.

use crate::{
    inspector::Inspector,
    installation::client,
    journey::ALL_TOOLS,
    python::PythonSession,
    session::{Endpoint, Session},
};
use fluxbase_tests::TestServer;
use serde_json::Value;
use std::{fs, path::Path};

async fn printed(server: &TestServer, of: &str, key: &str) -> String {
    let output = server.cli(&["mcp", "config", of, "--key", key]).await;
    assert!(output.status.success(), "{of}: {output:?}");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The endpoint of an entry that is a document: where the URL stands is the one thing on which clients differ.
fn endpoint(document: &str, list: &str, url: &str) -> Endpoint {
    let document: Value = serde_json::from_str(document).unwrap_or_else(|error| panic!("{error} in {document}"));
    let entry = &document[list]["fluxbase"];
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("a text is missing in {document}")).to_owned();
    let headers = entry["headers"].as_object().unwrap_or_else(|| panic!("no headers in {document}"));
    Endpoint { url: text(&entry[url]), headers: headers.iter().map(|(name, value)| (name.clone(), text(value))).collect() }
}

async fn assert_leads_to(server: &TestServer, endpoint: &Endpoint) {
    assert_eq!(endpoint.url, server.mcp_url());
    if let Some(mut session) = PythonSession::connect(endpoint, "auto").await {
        assert_eq!(session.tool_names().await, ALL_TOOLS);
    }
}

#[tokio::test]
async fn entries_of_clients_that_speak_http() {
    let server = TestServer::shared().await;
    for (of, list, url) in
        [("cursor", "mcpServers", "url"), ("generic", "mcpServers", "url"), ("vscode", "servers", "url"), ("windsurf", "mcpServers", "serverUrl")]
    {
        let endpoint = endpoint(&printed(server, of, server.key("alice")).await, list, url);
        assert_leads_to(server, &endpoint).await;
    }
}

/// A shell takes the line apart, as it does when somebody pastes it.
#[tokio::test]
async fn the_command_for_claude_code() {
    let server = TestServer::shared().await;
    let line = printed(server, "claude-code", server.key("alice")).await;
    let mut shell = client("sh", Path::new("."));
    let output = shell.arg("-c").arg(format!("claude() {{ printf '%s\\n' \"$@\"; }}\n{line}")).output().await.expect("there is a shell");
    let words = String::from_utf8(output.stdout).expect("it prints text");
    let words: Vec<&str> = words.lines().collect();
    assert_eq!(words[..5], ["mcp", "add", "--transport", "http", "fluxbase"], "{line}");
    assert_eq!(words[6], "--header", "{line}");
    let (name, value) = words[7].split_once(": ").unwrap_or_else(|| panic!("no header in {line}"));
    assert_leads_to(server, &Endpoint { url: words[5].to_owned(), headers: vec![(name.to_owned(), value.to_owned())] }).await;
}

/// Claude Desktop starts a program that connects for it; the key stands in the environment of that.
#[tokio::test]
async fn the_entry_for_claude_desktop() {
    let server = TestServer::shared().await;
    let document: Value = serde_json::from_str(&printed(server, "claude", server.key("alice")).await).expect("it is JSON");
    let entry = &document["mcpServers"]["fluxbase"];
    let argument = |at: usize| entry["args"][at].as_str().unwrap_or_else(|| panic!("too few arguments in {document}"));
    assert_eq!((argument(1), argument(3)), ("mcp-remote", "--header"));
    let header = argument(4).replace("${FLUXBASE_HEADER}", entry["env"]["FLUXBASE_HEADER"].as_str().expect("the key stands there"));
    let (name, value) = header.split_once(':').expect("a header has a colon");
    assert_leads_to(server, &Endpoint { url: argument(2).to_owned(), headers: vec![(name.to_owned(), value.to_owned())] }).await;
}

/// The Inspector reads such files itself.
#[tokio::test]
async fn the_file_of_any_other_client() {
    let server = TestServer::shared().await;
    let Some(inspector) = Inspector::find().await else { return };
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let file = folder.path().join("mcp.json");
    fs::write(&file, printed(server, "generic", server.key("alice")).await).expect("the folder is ours");
    let file = file.display().to_string();
    let output = inspector.run(&["--config", &file, "--server", "fluxbase", "--format", "json", "--method", "tools/list"]).await;
    assert!(output.status.success(), "{output:?}");
    let listed: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    assert_eq!(listed["result"]["tools"].as_array().map(Vec::len), Some(ALL_TOOLS.len()), "{listed}");
}
