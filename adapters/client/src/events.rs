//! An operation as it changes: the server's stream of its states.

use crate::{
    client::{Answer, HttpClient},
    failure::RemoteFailure,
    route::{RemoteCommand, Route},
};
use domain::{Operation, OperationId};
use http::{Method, header::CONTENT_TYPE};
use ports::driving::GetOperation;
use reqwest::Response;
use std::time::Duration;
use tokio::time::timeout;

/// The server ends every stream before: who asks again is asked for a credential again.
const LASTS: Duration = Duration::from_mins(15);

/// The states of an operation, as the server tells them.
pub struct OperationEvents {
    client: HttpClient,
    operation: GetOperation,
    response: Response,
    /// What came and is no whole event yet.
    read: Vec<u8>,
}

impl HttpClient {
    /// Follows an operation: its state at once, and again whenever it changed. The answer must begin within `at_most`.
    pub async fn follow(&self, id: OperationId, at_most: Duration) -> Result<OperationEvents, RemoteFailure> {
        let route = Route::new(Method::GET, ["admin", "operations", &id.to_string(), "events"]);
        let asked = timeout(at_most, self.open(&route, None, Some(LASTS))).await;
        let response = asked.map_err(|_| self.silent(at_most))??;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(self.not_fluxbase(format!("its answer is no stream of events but '{kind}'")));
        }
        Ok(OperationEvents { client: self.clone(), operation: GetOperation { id }, response, read: Vec::new() })
    }

    fn silent(&self, limit: Duration) -> RemoteFailure {
        RemoteFailure::TimedOut { url: self.base_url().to_owned(), limit }
    }
}

impl OperationEvents {
    /// The next state; `None` where the stream has ended. The server says something from time to time even where nothing changes: when nothing at all
    /// came for so long, somebody on the way keeps it back, and that is [`RemoteFailure::TimedOut`].
    pub async fn next(&mut self, silence: Duration) -> Result<Option<Answer<Operation>>, RemoteFailure> {
        loop {
            while let Some(event) = next_event(&mut self.read) {
                if let Some(data) = data(&event) {
                    return self.state(&data).map(Some);
                }
            }
            let chunk = timeout(silence, self.response.chunk()).await.map_err(|_| self.client.silent(silence))?;
            match chunk.map_err(|error| self.client.lost(&error))? {
                Some(chunk) => self.read.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }

    fn state(&self, data: &[u8]) -> Result<Answer<Operation>, RemoteFailure> {
        let read = serde_json::from_slice(data).and_then(|document| Ok(Answer { output: self.operation.read(&document)?, document }));
        read.map_err(|error| self.client.not_fluxbase(format!("a state of the operation cannot be read: {error}")))
    }
}

/// Takes a whole event off the front: what an empty line ends.
fn next_event(read: &mut Vec<u8>) -> Option<Vec<u8>> {
    let ends = |end: &'static [u8]| read.windows(end.len()).position(|window| window == end).map(|at| (at, end.len()));
    let (at, length) = [ends(b"\n\n"), ends(b"\r\n\r\n")].into_iter().flatten().min()?;
    let rest = read.split_off(at + length);
    let mut event = std::mem::replace(read, rest);
    event.truncate(at);
    Some(event)
}

/// The data of an event that is a state; `None` for the others: words that keep a connection open, and why it ends, which who asks next is told as well.
fn data(event: &[u8]) -> Option<Vec<u8>> {
    let lines = event.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    if lines.clone().any(|line| line.starts_with(b"event:")) {
        return None;
    }
    let data: Vec<_> = lines.filter_map(|line| line.strip_prefix(b"data:")).map(|data| data.strip_prefix(b" ").unwrap_or(data)).collect();
    (!data.is_empty()).then(|| data.join(&b'\n'))
}

#[cfg(test)]
mod tests {
    use super::{data, next_event};
    use crate::{
        RemoteFailure,
        testing::{Answers, client},
    };
    use domain::operation::Progress;
    use serde_json::json;
    use std::time::Duration;

    const SOON: Duration = Duration::from_secs(20);
    const OPERATION: &str = "00000000-0000-4000-8000-000000000002";

    fn state(status: &str) -> String {
        let operation = json!({
            "id": OPERATION, "kind": "reset_branch", "branch_id": OPERATION, "status": status, "steps": [], "error": null,
            "created_at": "2026-01-02T03:04:05Z", "finished_at": null,
        });
        format!("data: {operation}\n\n")
    }

    fn streaming(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{body}")
    }

    #[test]
    fn events_are_taken_off_whole_and_in_order() {
        let mut read = b"retry: 1000\nid: a\ndata: {\ndata: }\n\n:\n\ndata:x\r\n\r\ndata: unfin".to_vec();
        let events: Vec<_> = std::iter::from_fn(|| next_event(&mut read)).map(|event| data(&event)).collect();
        assert_eq!(events, [Some(b"{\n}".to_vec()), None, Some(b"x".to_vec())]);
        assert_eq!(read, b"data: unfin");
    }

    #[tokio::test]
    async fn states_come_as_they_are_told_until_the_stream_ends() {
        let server = Answers::raw(streaming(&format!("retry: 1000\n{}:\n\nid: final\n{}", state("running"), state("succeeded")))).await;
        let mut events = client(&server).follow(OPERATION.parse().unwrap(), SOON).await.unwrap();
        let mut told = Vec::new();
        while let Some(answer) = events.next(SOON).await.unwrap() {
            assert_eq!(answer.document["kind"], "reset_branch");
            told.push(answer.output.status);
        }
        assert_eq!(told, [Progress::Running, Progress::Succeeded]);
        assert_eq!(server.only_request().target, format!("GET /api/v1/admin/operations/{OPERATION}/events"));
    }

    #[tokio::test]
    async fn what_is_no_stream_is_said_to_be_none_and_a_refusal_is_one() {
        let follow = async |server: &Answers| client(server).follow(OPERATION.parse().unwrap(), SOON).await.err().unwrap();
        let failure = follow(&Answers::with(404, json!({ "code": "not_found", "detail": "operation 'x' was not found" })).await).await;
        assert_eq!((failure.status(), failure.code()), (Some(404), "not_found"));
        assert_eq!(follow(&Answers::with(200, json!({})).await).await.code(), "not_fluxbase");
    }

    #[tokio::test]
    async fn silence_is_told_from_an_end() {
        // What is promised does not come.
        let held = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 100000\r\n\r\n{}", state("running"));
        let server = Answers::holding(held).await;
        let mut events = client(&server).follow(OPERATION.parse().unwrap(), SOON).await.unwrap();
        assert!(events.next(SOON).await.unwrap().is_some());
        assert!(matches!(events.next(Duration::from_millis(1)).await, Err(RemoteFailure::TimedOut { .. })));
    }
}
