//! The Python client of MCP's makers.

use crate::{
    installation::{Package, client, fetch},
    journey,
    session::{Endpoint, Session, reading_key},
};
use fluxbase_tests::TestServer;
use serde_json::{Value, json};
use std::{path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
    time::timeout,
};

const VERSION: &str = "2.3.0";
const ANSWERS_WITHIN: Duration = Duration::from_mins(1);

static PACKAGE: Package = Package { name: "python-mcp-2.3.0", program: "bin/python", fetch: fetch_client };

fn fetch_client(folder: &Path) -> Result<(), String> {
    fetch("python3", &["-m", "venv", "."], folder)?;
    let package = format!("mcp=={VERSION}");
    fetch(folder.join("bin/python"), &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &package], folder)
}

/// A connected session. Its process ends when it is dropped.
pub(crate) struct PythonSession {
    _process: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// The revision that both sides agreed on.
    pub(crate) protocol: String,
}

impl PythonSession {
    /// Connects; `None` where the client cannot be had and need not be.
    pub(crate) async fn connect(endpoint: &Endpoint, mode: &str) -> Option<Self> {
        let folder = PACKAGE.folder().await?;
        let mut command = client(folder.join(PACKAGE.program), &folder);
        command.args(["-c", include_str!("session.py")]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the interpreter starts");
        let questions = process.stdin.take().expect("it is piped");
        let answers = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let mut session = Self { _process: process, questions, answers, protocol: String::new() };
        let where_to = json!({"url": endpoint.url, "headers": endpoint.headers, "mode": mode});
        let protocol = session.exchange(&where_to).await.unwrap_or_else(|error| panic!("mode {mode} connects: {error}"));
        protocol.as_str().expect("a revision is a text").clone_into(&mut session.protocol);
        Some(session)
    }

    async fn exchange(&mut self, question: &Value) -> Result<Value, String> {
        let line = format!("{question}\n");
        self.questions.write_all(line.as_bytes()).await.map_err(|error| format!("the client is gone: {error}"))?;
        let line = timeout(ANSWERS_WITHIN, self.answers.next_line()).await.map_err(|error| error.to_string())?;
        let line = line.map_err(|error| error.to_string())?.ok_or("the client ended; what it said stands above")?;
        let mut answer: Value = serde_json::from_str(&line).map_err(|error| format!("{error} in {line}"))?;
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["result"].take()),
        }
    }
}

impl Session for PythonSession {
    async fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.exchange(&json!({"method": method, "params": params})).await
    }
}

#[tokio::test]
async fn it_uses_every_tool_and_resource_in_each_of_its_modes() {
    let server = TestServer::shared().await;
    for (mode, protocol) in [("legacy", "2025-11-25"), ("auto", "2026-07-28"), ("2026-07-28", "2026-07-28")] {
        let Some(mut session) = PythonSession::connect(&Endpoint::of(server, server.key("alice")), mode).await else { return };
        assert_eq!(session.protocol, protocol, "mode {mode}");
        journey::every_tool(&mut session, &format!("by-python-{mode}")).await;
        journey::every_resource(&mut session).await;
    }
}

#[tokio::test]
async fn it_is_shown_the_tools_of_its_key_and_may_call_no_others() {
    let server = TestServer::shared().await;
    let endpoint = Endpoint::of(server, &reading_key(server).await);
    for mode in ["legacy", "auto"] {
        let Some(mut session) = PythonSession::connect(&endpoint, mode).await else { return };
        journey::only_reading(&mut session).await;
    }
}
