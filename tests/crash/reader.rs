//! Somebody who reads a branch without pause.

use fluxbase_tests::{TestServer, as_key};
use reqwest::{Client, StatusCode};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// What was read until the server went away, or until it was stopped.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How many trees there were, each number once in a row.
    pub(crate) counts: Vec<u64>,
    /// How many answers there were.
    pub(crate) answers: usize,
    /// What was refused, and with what.
    pub(crate) refused: Vec<String>,
}

/// Asks again as soon as it is answered.
pub(crate) struct Reader {
    goes_on: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Reader {
    /// Begins to read.
    pub(crate) fn of(server: &TestServer, branch: &str) -> Self {
        let url = format!("{}/api/v1/tables/trees?select=id&limit=1", server.url());
        let (goes_on, seen) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Seen::default())));
        let task = tokio::spawn(read(server.http().clone(), url, server.owner_key(), branch.to_owned(), goes_on.clone(), seen.clone()));
        Self { goes_on, seen, task }
    }

    /// How many trees were there last.
    pub(crate) fn last(&self) -> Option<u64> {
        self.seen.lock().unwrap().counts.last().copied()
    }

    /// What it saw.
    pub(crate) async fn stop(self) -> Seen {
        self.goes_on.store(false, Ordering::Relaxed);
        self.task.await.unwrap();
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

async fn read(http: Client, url: String, key: String, branch: String, goes_on: Arc<AtomicBool>, seen: Arc<Mutex<Seen>>) {
    while goes_on.load(Ordering::Relaxed) {
        let request = as_key(http.get(&url), &key).header("X-Fluxbase-Branch", &branch).header("Prefer", "count=exact");
        // Gone, as a killed server is.
        let Ok(answer) = request.timeout(Duration::from_secs(30)).send().await else { return };
        let status = answer.status();
        let total = answer.headers().get("content-range").and_then(|range| range.to_str().ok()?.rsplit_once('/')?.1.parse().ok());
        let Ok(body) = answer.text().await else { return };
        let mut seen = seen.lock().unwrap();
        seen.answers += 1;
        match (status, total) {
            (StatusCode::OK | StatusCode::PARTIAL_CONTENT, Some(total)) if seen.counts.last() != Some(&total) => seen.counts.push(total),
            (StatusCode::OK | StatusCode::PARTIAL_CONTENT, Some(_)) => {}
            _ => seen.refused.push(format!("{status} {body}")),
        }
    }
}
