//! A server that gives one answer to everything and remembers what it was asked.

use crate::{Credential, HttpClient};
use serde_json::Value;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use url::Url;

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method and target.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(crate) struct Answers {
    pub(crate) url: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Answers {
    pub(crate) async fn with(status: u16, document: Value) -> Self {
        let kind = if status < 400 { "application/json" } else { "application/problem+json" };
        let body = document.to_string();
        Self::raw(format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nx-request-id: r-1\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await
    }

    /// What it sends is sent as it is; the connection ends after it.
    pub(crate) async fn raw(answer: String) -> Self {
        Self::sending(answer, true).await
    }

    /// The same, and the connection stays open.
    pub(crate) async fn holding(answer: String) -> Self {
        Self::sending(answer, false).await
    }

    async fn sending(answer: String, ends: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let asked = read(&mut connection).await;
                kept.lock().unwrap().push(asked);
                connection.write_all(answer.as_bytes()).await.unwrap();
                if ends {
                    connection.shutdown().await.unwrap();
                } else {
                    held.push(connection);
                }
            }
        });
        Self { url, asked, task }
    }

    pub(crate) fn only_request(&self) -> Asked {
        let asked = self.asked.lock().unwrap();
        assert_eq!(asked.len(), 1);
        asked[0].clone()
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(connection: &mut TcpStream) -> Asked {
    let mut bytes = Vec::new();
    loop {
        connection.read_buf(&mut bytes).await.unwrap();
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let target = lines.next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut asked = Asked { target, headers, body: bytes.split_off(end + 4) };
        let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
        while asked.body.len() < length {
            connection.read_buf(&mut asked.body).await.unwrap();
        }
        return asked;
    }
}

/// The provider is a matter of the process: the first test installs it.
pub(crate) fn client_at(url: Url, credential: Option<Credential>, limit: Duration) -> HttpClient {
    let _ = rustls::crypto::ring::default_provider().install_default();
    HttpClient::patient(url, credential, limit).unwrap()
}

pub(crate) fn client(server: &Answers) -> HttpClient {
    client_at(server.url.clone(), Some(Credential::from_text("sb_service_test").unwrap()), Duration::from_secs(20))
}
