//! An operation as server-sent events.

use crate::{credentials::Shown, documents::OperationDocument, problem::chain};
use bytes::Bytes;
use domain::{Failure, Operation, OperationKind, operation::Progress};
use futures_util::stream;
use http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{Body, IntoResponse, Response};
use poem_openapi::{
    ApiResponse,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::{ToJSON, Type},
};
use ports::driving::OperationFeed;
use serde_json::json;
use std::{error::Error, io, time::Duration};
use tokio::time::{Instant, timeout_at};

/// How long nothing is said at most: proxies take a silent connection for a dead one.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a stream lasts at most: who asks again is asked for a credential again.
const LASTS: Duration = Duration::from_mins(10);

/// A stream of an operation's states, or the word that there are no more.
pub(crate) struct OperationEvents(Option<(Box<dyn OperationFeed>, Shown)>);

impl OperationEvents {
    /// The id of the last event.
    pub(crate) const FINAL: &str = "final";

    /// Those of a feed, for as long as the credential that was shown is good.
    pub(crate) fn of(feed: Box<dyn OperationFeed>, shown: Shown) -> Self {
        Self(Some((feed, shown)))
    }

    /// Everything was told before.
    pub(crate) const fn all_told() -> Self {
        Self(None)
    }
}

impl ApiResponse for OperationEvents {
    fn meta() -> MetaResponses {
        let events = MetaMediaType { content_type: "text/event-stream", schema: OperationDocument::schema_ref() };
        let response =
            |status, description, content| MetaResponse { description, status: Some(status), status_range: None, content, headers: Vec::new() };
        let streamed = response(200, "An event for each state, its data the operation.", vec![events]);
        MetaResponses { responses: vec![streamed, response(204, "Everything was told: do not come back.", Vec::new())] }
    }

    fn register(registry: &mut Registry) {
        OperationDocument::register(registry);
    }
}

impl IntoResponse for OperationEvents {
    fn into_response(self) -> Response {
        let Some((feed, shown)) = self.0 else { return Response::builder().status(StatusCode::NO_CONTENT).finish() };
        let told = Told { feed, shown, until: Instant::now() + LASTS, begun: false, ended: false };
        let chunks = stream::unfold(told, |mut told| async move { told.next().await.map(|chunk| (Ok::<_, io::Error>(chunk), told)) });
        Response::builder()
            .content_type("text/event-stream")
            .header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
            // nginx would keep events back until it has a bufferful.
            .header(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))
            .body(Body::from_bytes_stream(Box::pin(chunks)))
    }
}

struct Told {
    feed: Box<dyn OperationFeed>,
    shown: Shown,
    until: Instant,
    begun: bool,
    ended: bool,
}

impl Told {
    /// The next piece of the stream: a state, or a word that we are still here. Nothing is said to who would not be let in any more.
    async fn next(&mut self) -> Option<Bytes> {
        let now = Instant::now();
        if self.ended || now >= self.until {
            return None;
        }
        let said = match timeout_at(self.until.min(now + HEARTBEAT), self.feed.next()).await {
            Ok(Ok(None)) => return None,
            // Keys that are pinned to a branch end with it: who waits for that hears of it.
            Ok(Ok(Some(operation))) if is_the_branchs_end(&operation) => Ok(self.event(operation)),
            Ok(Ok(Some(operation))) => self.shown.holds().await.map(|()| self.event(operation)),
            Ok(Err(failure)) => Err(failure),
            Err(_silent) => self.shown.holds().await.map(|()| Bytes::from_static(b":\n\n")),
        };
        said.map_or_else(|failure| self.end(&failure), Some)
    }

    /// The last piece, where there is something to say to the client.
    fn end(&mut self, failure: &Failure) -> Option<Bytes> {
        self.ended = true;
        if matches!(failure, Failure::Unauthenticated { .. } | Failure::Denied(_) | Failure::NotFound { .. }) {
            let told = json!({ "code": failure.code(), "detail": failure.to_string() });
            return Some(format!("event: refused\ndata: {told}\n\n").into());
        }
        log(failure);
        None
    }

    fn event(&mut self, operation: Operation) -> Bytes {
        let retry = if std::mem::replace(&mut self.begun, true) { "" } else { "retry: 1000\n" };
        let id = if operation.status.is_final() { format!("id: {}\n", OperationEvents::FINAL) } else { String::new() };
        // JSON on one line has no line ends in it.
        format!("{retry}{id}data: {}\n\n", OperationDocument::from(operation).to_json_string()).into()
    }
}

fn is_the_branchs_end(operation: &Operation) -> bool {
    operation.kind == OperationKind::DeleteBranch && operation.status == Progress::Succeeded
}

fn log(failure: &Failure) {
    tracing::warn!(code = failure.code(), cause = failure.source().map(chain), "a stream of an operation's states ends: {failure}");
}

#[cfg(test)]
mod tests {
    use super::OperationEvents;
    use crate::credentials::Shown;
    use async_trait::async_trait;
    use domain::{BranchId, Failure, Operation, OperationId, OperationKind, Principal, operation::Progress};
    use poem::IntoResponse;
    use ports::driving::{Authenticator, Credentials, OperationFeed};
    use std::{
        collections::VecDeque,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };
    use time::OffsetDateTime;
    use uuid::Uuid;

    /// Gives each state after a while.
    struct States(OperationKind, VecDeque<(Duration, Progress)>);

    #[async_trait]
    impl OperationFeed for States {
        async fn next(&mut self) -> Result<Option<Operation>, Failure> {
            let Some((after, status)) = self.1.front_mut() else { return Ok(None) };
            let (begun, wait) = (tokio::time::Instant::now(), *after);
            *after = Duration::ZERO.max(wait.saturating_sub(Duration::from_secs(15)));
            tokio::time::sleep_until(begun + wait).await;
            let (id, branch) = (OperationId::from_uuid(Uuid::nil()), BranchId::from_uuid(Uuid::nil()));
            let operation = Operation { status: *status, ..Operation::queued(id, self.0, branch, OffsetDateTime::UNIX_EPOCH) };
            self.1.pop_front();
            Ok(Some(operation))
        }
    }

    async fn streamed(states: impl IntoIterator<Item = (u64, Progress)>) -> String {
        streamed_to(Shown::to(GoodFor(AtomicUsize::new(usize::MAX))), states).await
    }

    async fn streamed_to(shown: Shown, states: impl IntoIterator<Item = (u64, Progress)>) -> String {
        streamed_of(OperationKind::ResetBranch, shown, states).await
    }

    async fn streamed_of(kind: OperationKind, shown: Shown, states: impl IntoIterator<Item = (u64, Progress)>) -> String {
        let states = states.into_iter().map(|(seconds, status)| (Duration::from_secs(seconds), status)).collect();
        OperationEvents::of(Box::new(States(kind, states)), shown).into_response().into_body().into_string().await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn each_state_is_an_event_and_silence_is_broken() {
        let text = streamed([(0, Progress::Queued), (40, Progress::Running), (0, Progress::Succeeded)]).await;
        let events: Vec<_> = text.split_terminator("\n\n").collect();
        assert!(events[0].starts_with("retry: 1000\ndata: {") && events[0].contains(r#""status":"queued""#), "{text}");
        assert_eq!(&events[1..3], [":", ":"]);
        assert!(events[3].starts_with("data: {") && events[3].contains(r#""status":"running""#), "{text}");
        assert!(events[4].starts_with("id: final\ndata: {") && events.len() == 5, "{text}");
    }

    /// A credential that is good so many times.
    struct GoodFor(AtomicUsize);

    #[async_trait]
    impl Authenticator for GoodFor {
        async fn authenticate(&self, _: &Credentials) -> Result<Arc<Principal>, Failure> {
            let left = self.0.fetch_sub(1, Ordering::SeqCst);
            if left == 0 { Err(Failure::Unauthenticated { reason: "this key was revoked" }) } else { Ok(Arc::new(Principal::internal())) }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_that_is_good_no_more_ends_the_stream_before_the_next_word() {
        for (good, states) in [(1, vec![(0, Progress::Queued), (0, Progress::Running)]), (2, vec![(0, Progress::Queued), (100, Progress::Running)])] {
            let text = streamed_to(Shown::to(GoodFor(AtomicUsize::new(good))), states).await;
            assert!(text.contains(r#""status":"queued""#) && !text.contains(r#""status":"running""#), "{text}");
            let last = "event: refused\ndata: {\"code\":\"unauthenticated\",\"detail\":\"this key was revoked\"}\n\n";
            assert!(text.ends_with(last), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_delete_hears_of_its_end_with_a_key_that_ended_with_the_branch() {
        for (last, told) in [(Progress::Succeeded, true), (Progress::Failed, false)] {
            let shown = Shown::to(GoodFor(AtomicUsize::new(1)));
            let text = streamed_of(OperationKind::DeleteBranch, shown, [(0, Progress::Running), (1, last)]).await;
            assert_eq!((text.contains("id: final"), text.contains("event: refused")), (told, !told), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_stream_lasts_for_ever() {
        let text = streamed([(0, Progress::Running), (100_000, Progress::Running)]).await;
        assert_eq!(text.matches("\n:\n").count(), 40, "{text}");
    }

    #[test]
    fn who_heard_it_all_is_sent_away() {
        assert_eq!(OperationEvents::all_told().into_response().status(), 204);
    }
}
