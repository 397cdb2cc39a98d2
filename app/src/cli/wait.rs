//! `--wait`: following an operation to its end.

mod progress;

use client::{Answer, HttpClient, RemoteFailure};
use domain::{Operation, OperationId};
use ports::driving::GetOperation;
use progress::Show;
pub(super) use progress::{amount, at_work, bytes};
use std::time::{Duration, Instant};

/// How often to ask, and for how long to bear with a server that does not answer.
#[derive(Clone, Copy, Debug)]
struct Pace {
    first: Duration,
    most: Duration,
    patience: Duration,
}

const PACE: Pace = Pace { first: Duration::from_millis(250), most: Duration::from_secs(1), patience: Duration::from_mins(1) };

/// Asks until the operation ends, and shows how it gets on: a line that changes on a terminal, a line a step elsewhere.
pub(super) async fn until_done(client: &HttpClient, id: OperationId) -> Result<Answer<Operation>, RemoteFailure> {
    follow(client, id, PACE, &mut *progress::on_stderr()).await
}

async fn follow(client: &HttpClient, id: OperationId, pace: Pace, show: &mut dyn Show) -> Result<Answer<Operation>, RemoteFailure> {
    let (mut pause, mut heard) = (pace.first, Instant::now());
    loop {
        match client.send(&GetOperation { id }).await {
            Ok(answer) => {
                show.update(&answer.output);
                if answer.output.status.is_final() {
                    return Ok(answer);
                }
                heard = Instant::now();
            }
            // A server that starts again goes on with the operation, and so do we.
            Err(failure) if failure.is_passing() && heard.elapsed() < pace.patience => show.trouble(&failure),
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(pace.most);
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, follow, progress::Lines};
    use crate::cli::testing::{Server, operation, operation_id};
    use domain::operation::Progress;
    use std::time::Duration;

    const QUICK: Pace = Pace { first: Duration::from_millis(1), most: Duration::from_millis(1), patience: Duration::from_secs(20) };

    #[tokio::test]
    async fn it_is_followed_over_a_restart_to_its_end() {
        let unavailable = (503, serde_json::json!({ "code": "unavailable", "detail": "starting" }));
        let server = Server::answering([
            (200, operation("running", &["succeeded", "running"])),
            unavailable.clone(),
            unavailable,
            (200, operation("succeeded", &["succeeded", "succeeded"])),
        ])
        .await;
        let mut said = Vec::new();
        let answer = follow(&server.client(), operation_id(), QUICK, &mut Lines::to(&mut said)).await.unwrap();
        assert_eq!(answer.output.status, Progress::Succeeded);
        assert_eq!(
            String::from_utf8(said).unwrap(),
            "create database ... done\nthe server does not answer (starting); trying again\ncopy definitions ... done\n"
        );
    }

    #[tokio::test]
    async fn patience_ends_and_a_refusal_ends_it_at_once() {
        let impatient = Pace { patience: Duration::ZERO, ..QUICK };
        let server = Server::answering([(503, serde_json::json!({ "code": "unavailable", "detail": "starting" }))]).await;
        let failure = follow(&server.client(), operation_id(), impatient, &mut Lines::to(&mut Vec::new())).await.unwrap_err();
        assert_eq!(failure.code(), "unavailable");

        let server = Server::answering([(403, serde_json::json!({ "code": "missing_scope", "detail": "no" }))]).await;
        let failure = follow(&server.client(), operation_id(), QUICK, &mut Lines::to(&mut Vec::new())).await.unwrap_err();
        assert_eq!(failure.status(), Some(403));
    }
}
