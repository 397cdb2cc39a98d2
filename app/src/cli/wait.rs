//! `--wait`: following an operation to its end.

mod progress;

use super::{
    failure::{CliError, INTERRUPTED},
    output::{Format, write_stderr},
};
use client::{Answer, HttpClient, RemoteFailure};
use domain::{Operation, OperationId};
use ports::driving::GetOperation;
use progress::Show;
pub(super) use progress::{amount, at_work, bytes};
use std::{
    future::Future,
    io,
    time::{Duration, Instant},
};

/// How often to ask, and for how long to bear with a server that does not answer.
#[derive(Clone, Copy, Debug)]
struct Pace {
    first: Duration,
    most: Duration,
    patience: Duration,
    /// How long a stream may take to tell its first state, which the server does at once.
    begins: Duration,
    /// How long it may say nothing afterwards: the server says something every 15 s.
    silence: Duration,
}

const PACE: Pace = Pace {
    first: Duration::from_millis(250),
    most: Duration::from_secs(1),
    patience: Duration::from_mins(1),
    begins: Duration::from_secs(3),
    silence: Duration::from_secs(25),
};

/// Whether the end of an operation is waited for: every command that begins one takes both, and the last of them holds.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct Waiting<const BY_DEFAULT: bool> {
    #[arg(long, overrides_with = "no_wait", help = if BY_DEFAULT { "Wait until it is done [default]" } else { "Wait until it is done" })]
    wait: bool,
    #[arg(long, overrides_with = "wait", help = if BY_DEFAULT { "Do not wait until it is done" } else { "Do not wait until it is done [default]" })]
    no_wait: bool,
}

impl<const BY_DEFAULT: bool> Waiting<BY_DEFAULT> {
    pub(super) const fn waits(self) -> bool {
        self.wait || (BY_DEFAULT && !self.no_wait)
    }
}

/// Follows the operation to its end, and shows how it gets on: a line that changes on a terminal; elsewhere a line a step, and nothing where results are for
/// programs. Whoever interrupts this interrupts the wait only, and is told how to come back to the operation.
pub(super) async fn until_done(client: &HttpClient, id: OperationId, format: Format) -> Result<Answer<Operation>, CliError> {
    let mut show = progress::on_stderr(format);
    let ended = unless_interrupted(id, follow(client, id, PACE, &mut *show), tokio::signal::ctrl_c()).await;
    // Once it was listened for, an interrupt does nothing by itself any more: what comes after the wait ends by it as before.
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(INTERRUPTED.into());
        }
    });
    drop(show);
    // For programs the error alone stands there.
    if format == Format::Table
        && let Some(told) = ended.as_ref().err().and_then(|error| goes_on(id, error))
    {
        write_stderr(&told);
    }
    ended
}

/// What to know of an operation that can be followed no more: the server may be away, or show it to somebody else only.
fn goes_on(id: OperationId, error: &CliError) -> Option<String> {
    let CliError::Remote(failure) = error else { return None };
    (failure.status() != Some(404)).then(|| format!("operation {id} goes on; `fluxbase operation watch {id}` follows it again"))
}

/// Waits until the operation is done or the wait is interrupted. Where interrupts cannot be heard of they end the program, as they do by default.
async fn unless_interrupted(
    id: OperationId,
    done: impl Future<Output = Result<Answer<Operation>, RemoteFailure>>,
    interrupt: impl Future<Output = io::Result<()>>,
) -> Result<Answer<Operation>, CliError> {
    tokio::select! {
        ended = done => Ok(ended?),
        Ok(()) = interrupt => Err(CliError::Interrupted { operation: id }),
    }
}

/// By the stream of its states. Where that breaks it is asked, and then streamed again; where nothing comes through, as behind a proxy that keeps
/// answers back until they are whole, it is asked again and again.
async fn follow(client: &HttpClient, id: OperationId, pace: Pace, show: &mut dyn Show) -> Result<Answer<Operation>, RemoteFailure> {
    let (mut pause, mut heard, mut streams) = (pace.first, Instant::now(), true);
    loop {
        if streams {
            match stream(client, id, pace, show).await {
                Streamed::Ended(answer) => return Ok(*answer),
                Streamed::Broke => (pause, heard) = (pace.first, Instant::now()),
                Streamed::NotNow => {}
                Streamed::NotHere => streams = false,
            }
        }
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

/// What came of a stream.
enum Streamed {
    /// It told the end.
    Ended(Box<Answer<Operation>>),
    /// It ended before the operation did: a restart, or it had lasted long enough.
    Broke,
    /// There is no server to stream now.
    NotNow,
    /// Streams do not come through here.
    NotHere,
}

async fn stream(client: &HttpClient, id: OperationId, pace: Pace, show: &mut dyn Show) -> Streamed {
    let mut events = match client.follow(id, pace.begins).await {
        Ok(events) => events,
        Err(RemoteFailure::TimedOut { .. }) => return Streamed::NotHere,
        Err(failure) => return if failure.is_passing() { Streamed::NotNow } else { Streamed::NotHere },
    };
    let (mut told, mut silence) = (false, pace.begins);
    loop {
        match events.next(silence).await {
            Ok(Some(answer)) => {
                show.update(&answer.output);
                if answer.output.status.is_final() {
                    return Streamed::Ended(Box::new(answer));
                }
                (told, silence) = (true, pace.silence);
            }
            Ok(None) | Err(RemoteFailure::Broken { .. }) if told => return Streamed::Broke,
            Ok(None) | Err(_) => return Streamed::NotHere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, follow, goes_on, progress::Lines, unless_interrupted};
    use crate::cli::testing::{Reply, Server, operation, operation_id};
    use client::RemoteFailure;
    use domain::operation::Progress;
    use std::time::Duration;

    const QUICK: Pace = Pace {
        first: Duration::from_millis(1),
        most: Duration::from_millis(1),
        patience: Duration::from_secs(20),
        begins: Duration::from_secs(20),
        silence: Duration::from_secs(20),
    };

    async fn followed(server: &Server, pace: Pace) -> (Result<Progress, RemoteFailure>, String) {
        let mut said = Vec::new();
        let answer = follow(&server.client(), operation_id(), pace, &mut Lines::to(&mut said)).await;
        (answer.map(|answer| answer.output.status), String::from_utf8(said).unwrap())
    }

    fn unavailable() -> Reply {
        Reply::from((503, serde_json::json!({ "code": "unavailable", "detail": "starting" })))
    }

    #[tokio::test]
    async fn its_stream_is_read_to_the_end_and_nothing_else_is_asked() {
        let states = [operation("running", &["succeeded", "running"]), operation("succeeded", &["succeeded", "succeeded"])];
        let server = Server::answering([Reply::events(&states)]).await;
        let (ended, said) = followed(&server, QUICK).await;
        assert_eq!((ended.unwrap(), said.as_str()), (Progress::Succeeded, "create database ... done\ncopy definitions ... done\n"));
        assert_eq!(server.asked().len(), 1);
    }

    #[tokio::test]
    async fn a_stream_that_breaks_is_taken_up_again_over_a_restart() {
        let server = Server::answering([
            Reply::events(&[operation("running", &["succeeded", "running"])]),
            unavailable(),
            unavailable(),
            Reply::from((200, operation("running", &["succeeded", "running"]))),
            Reply::events(&[operation("succeeded", &["succeeded", "succeeded"])]),
        ])
        .await;
        let (ended, said) = followed(&server, QUICK).await;
        assert_eq!(ended.unwrap(), Progress::Succeeded);
        assert_eq!(said, "create database ... done\nthe server does not answer (starting); trying again\ncopy definitions ... done\n");
        let streams = server.asked().iter().filter(|target| target.ends_with("/events")).count();
        assert_eq!((streams, server.asked().len()), (3, 5));
    }

    #[tokio::test]
    async fn where_streams_do_not_come_through_it_is_asked() {
        let impatient = Pace { begins: Duration::from_millis(50), ..QUICK };
        let held = Reply::holding(&[]);
        let none = Reply::from((404, serde_json::json!({ "code": "no_such_route", "detail": "no" })));
        for (first, pace) in [(held, impatient), (none, QUICK)] {
            let asked = [operation("running", &["running"]), operation("succeeded", &["succeeded"])].map(|state| Reply::from((200, state)));
            let server = Server::answering([first].into_iter().chain(asked)).await;
            assert_eq!(followed(&server, pace).await.0.unwrap(), Progress::Succeeded);
            let streams = server.asked().iter().filter(|target| target.ends_with("/events")).count();
            assert_eq!((streams, server.asked().len()), (1, 3));
        }
    }

    #[tokio::test]
    async fn an_interrupt_ends_the_wait_and_says_how_to_come_back() {
        let server = Server::answering([Reply::holding(&[operation("running", &["running"])])]).await;
        let mut said = Vec::new();
        let (client, mut lines) = (server.client(), Lines::to(&mut said));
        let waits = follow(&client, operation_id(), QUICK, &mut lines);
        let interrupted = unless_interrupted(operation_id(), waits, async { Ok(()) }).await.unwrap_err();
        assert_eq!(interrupted.exit_code(), 130);
        let told = interrupted.to_string();
        for way in ["get", "watch", "cancel"] {
            assert!(told.contains(&format!("fluxbase operation {way} {}", operation_id())), "{told}");
        }
    }

    #[tokio::test]
    async fn who_can_follow_it_no_more_is_told_that_it_goes_on() {
        for (status, told) in [(403, true), (503, true), (404, false)] {
            let refused = Reply::from((status, serde_json::json!({ "code": "missing_scope", "detail": "no" })));
            let impatient = Pace { patience: Duration::ZERO, ..QUICK };
            let failure = followed(&Server::answering([refused.clone(), refused]).await, impatient).await.0.unwrap_err();
            let said = goes_on(operation_id(), &failure.into());
            assert_eq!(said.map(|said| said.contains(&operation_id().to_string())), told.then_some(true), "{status}");
        }
    }

    #[tokio::test]
    async fn patience_ends_and_a_refusal_ends_it_at_once() {
        let impatient = Pace { patience: Duration::ZERO, ..QUICK };
        assert_eq!(followed(&Server::answering([unavailable()]).await, impatient).await.0.unwrap_err().code(), "unavailable");
        let refused = Reply::from((403, serde_json::json!({ "code": "missing_scope", "detail": "no" })));
        assert_eq!(followed(&Server::answering([refused]).await, QUICK).await.0.unwrap_err().status(), Some(403));
    }
}
