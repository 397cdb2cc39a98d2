//! A server that gives prepared answers, one after the other, the last one for ever.

use client::{Credential, HttpClient};
use domain::OperationId;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use url::Url;

const BRANCH: &str = "00000000-0000-4000-8000-000000000001";
const OPERATION: &str = "00000000-0000-4000-8000-000000000002";

/// An operation whose first steps stand like this.
pub(super) fn operation(status: &str, steps: &[&str]) -> Value {
    let names = ["create_database", "copy_definitions", "copy_rows", "add_constraints", "verify", "admit", "switch"];
    let steps: Vec<_> =
        names.iter().zip(steps).map(|(name, status)| json!({ "name": name, "status": status, "started_at": null, "finished_at": null })).collect();
    let error = if status == "failed" { json!({ "code": "disk_full", "message": "no space left" }) } else { Value::Null };
    json!({
        "id": OPERATION, "kind": "create_branch", "branch_id": BRANCH, "status": status, "steps": steps, "error": error,
        "created_at": "2026-01-02T03:04:05Z", "finished_at": null,
    })
}

/// The id of every operation here.
pub(super) fn operation_id() -> OperationId {
    OPERATION.parse().unwrap()
}

/// A branch in a status.
pub(super) fn branch(slug: &str, status: &str) -> Value {
    json!({
        "id": BRANCH, "name": slug, "slug": slug, "status": status, "type": "preview", "data_clone_mode": "schema_only", "parent_id": null,
        "created_by": null, "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z", "expires_at": null,
        "generation": 1, "withheld": [], "error": null, "github": null,
    })
}

/// A prepared answer.
#[derive(Clone)]
pub(super) struct Reply {
    head: String,
    body: String,
    /// Whether the connection stays open, with more announced than ever comes.
    holds: bool,
}

impl From<(u16, Value)> for Reply {
    fn from((status, document): (u16, Value)) -> Self {
        let body = document.to_string();
        Self { head: format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close", body.len()), body, holds: false }
    }
}

impl Reply {
    /// A stream of these states, that ends after them.
    pub(super) fn events(states: &[Value]) -> Self {
        let body = states.iter().map(|state| format!("data: {state}\n\n")).collect::<Vec<_>>().concat();
        Self { head: "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\nconnection: close".to_owned(), body, holds: false }
    }

    /// The same, but it does not end.
    pub(super) fn holding(states: &[Value]) -> Self {
        Self { holds: true, ..Self::events(states) }
    }
}

pub(super) struct Server {
    url: Url,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn answering(answers: impl IntoIterator<Item = impl Into<Reply>>) -> Self {
        let mut answers: Vec<Reply> = answers.into_iter().map(Into::into).collect();
        answers.reverse();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let (mut head, mut buffer) = (String::new(), [0; 4096]);
                while !head.contains("\r\n\r\n") {
                    let read = connection.read(&mut buffer).await.unwrap();
                    head.push_str(&String::from_utf8_lossy(&buffer[..read]));
                }
                kept.lock().unwrap().push(head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned());
                let Reply { head, body, holds } = if answers.len() > 1 { answers.pop().unwrap() } else { answers[0].clone() };
                connection.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
                if holds {
                    open.push(connection);
                }
            }
        });
        Self { url, asked, task }
    }

    pub(super) fn url(&self) -> Url {
        self.url.clone()
    }

    pub(super) fn client(&self) -> HttpClient {
        // The provider is a matter of the process: the first test installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        HttpClient::new(self.url.clone(), Some(Credential::from_text("sb_service_test").unwrap())).unwrap()
    }

    /// Method and target of every request so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
