//! What a connection is doing, and when it has taken too long.

use super::frames::FramesOut;
use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

/// What a connection is doing.
#[derive(Debug)]
pub(super) struct Activity {
    header_timeout: Duration,
    idle_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests running, up to the last byte of their responses.
    in_flight: usize,
    /// Requests that ever began.
    begun: u64,
    /// Since when nothing runs.
    waiting_since: Instant,
    /// When the first byte came since then.
    first_byte: Option<Instant>,
    /// Since when the client takes nothing more of a response.
    blocked_since: Option<Instant>,
    /// Whether it speaks HTTP/2; known with the first bytes.
    http2: Option<bool>,
    /// How many bytes have come of those that a connection of HTTP/2 begins with.
    preface: usize,
    /// Requests of HTTP/2 running whose responses wait for the client to take what there is of them. Its windows hold them up before they come to the
    /// socket, which may take all that is written and never be full.
    offered: usize,
    /// When a response of HTTP/2 last got on.
    progressed: Instant,
    frames: FramesOut,
}

/// What a connection of HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Activity {
    pub(super) fn new(header_timeout: Duration, idle_timeout: Duration) -> Self {
        let now = Instant::now();
        let state = State {
            in_flight: 0,
            begun: 0,
            waiting_since: now,
            first_byte: None,
            blocked_since: None,
            http2: None,
            preface: 0,
            offered: 0,
            progressed: now,
            frames: FramesOut::default(),
        };
        Self { header_timeout, idle_timeout, state: Mutex::new(state) }
    }

    /// A request begins; it runs until what this gives is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        let mut state = self.state();
        state.in_flight += 1;
        state.begun += 1;
        drop(state);
        InFlight { activity: self.clone(), is_offered: false }
    }

    /// How many requests began.
    pub(super) fn begun(&self) -> u64 {
        self.state().begun
    }

    /// How many requests began, where each of them has ended.
    pub(super) fn all_ended(&self) -> Option<u64> {
        let state = self.state();
        (state.in_flight == 0).then_some(state.begun)
    }

    /// Returns when the connection has taken too long.
    pub(super) async fn expired(&self) {
        loop {
            let (deadline, now) = (self.deadline(), Instant::now());
            if deadline.is_some_and(|deadline| deadline <= now) {
                return;
            }
            // Something else may begin meanwhile, with an earlier deadline: look again soon.
            let soon = now + self.header_timeout / 2;
            tokio::time::sleep_until(deadline.map_or(soon, |deadline| deadline.min(soon))).await;
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.state().deadline(self.header_timeout, self.idle_timeout)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes_came(&self, bytes: &[u8]) {
        let mut state = self.state();
        if state.http2.is_none() {
            state.preface_came(bytes);
        }
        if state.in_flight == 0 && state.first_byte.is_none() {
            state.first_byte = Some(Instant::now());
        }
    }

    fn blocked(&self) {
        self.state().blocked_since.get_or_insert_with(Instant::now);
    }

    fn written<'b>(&self, bytes: impl Iterator<Item = &'b [u8]>) {
        let mut state = self.state();
        state.blocked_since = None;
        // Whatever was written, all of it is to be followed.
        if state.http2 == Some(true) && bytes.fold(false, |progress, bytes| state.frames.pass(bytes) | progress) {
            state.progressed = Instant::now();
        }
    }
}

impl State {
    fn preface_came(&mut self, bytes: &[u8]) {
        let expected = &PREFACE[self.preface..];
        let length = bytes.len().min(expected.len());
        self.preface += length;
        if bytes[..length] != expected[..length] {
            self.http2 = Some(false);
        } else if self.preface == PREFACE.len() {
            self.http2 = Some(true);
        }
    }

    fn deadline(&self, header_timeout: Duration, idle_timeout: Duration) -> Option<Instant> {
        if self.in_flight > 0 {
            // Where one of them is still being made, it is for us to get on.
            let stalled = (self.offered == self.in_flight).then_some(self.progressed);
            return self.blocked_since.into_iter().chain(stalled).min().map(|since| since + idle_timeout);
        }
        // The end of a response may be on its way to the client for long after there is no more to be made of it.
        let idle = if self.begun > 0 { self.waiting_since.max(self.progressed) + idle_timeout } else { self.waiting_since + header_timeout };
        match self.first_byte {
            // On HTTP/2 bytes come between requests too: pings, settings.
            Some(first) if self.http2 == Some(false) => Some(first + header_timeout),
            _ => Some(idle),
        }
    }
}

/// A request that runs.
#[derive(Debug)]
pub(super) struct InFlight {
    activity: Arc<Activity>,
    is_offered: bool,
}

impl InFlight {
    /// Says whether the response waits for its client to take what there is of it; else more of it is being made.
    pub(super) fn offer(&mut self, is_offered: bool) {
        if self.is_offered == is_offered {
            return;
        }
        self.is_offered = is_offered;
        let mut state = self.activity.state();
        if is_offered {
            state.offered += 1;
            state.progressed = Instant::now();
        } else {
            state.offered -= 1;
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.offer(false);
        let mut state = self.activity.state();
        state.in_flight -= 1;
        if state.in_flight == 0 {
            state.waiting_since = Instant::now();
            state.first_byte = None;
        }
    }
}

/// A socket that tells what passes through it.
#[derive(Debug)]
pub(super) struct Watched<S> {
    socket: S,
    activity: Arc<Activity>,
}

impl<S> Watched<S> {
    pub(super) const fn new(socket: S, activity: Arc<Activity>) -> Self {
        Self { socket, activity }
    }

    fn told<'b>(&self, written: Poll<io::Result<usize>>, slices: impl Iterator<Item = &'b [u8]>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.activity.blocked(),
            Poll::Ready(result) => {
                let mut left = *result.as_ref().unwrap_or(&0);
                self.activity.written(slices.map(|slice| {
                    let taken = &slice[..slice.len().min(left)];
                    left -= taken.len();
                    taken
                }));
            }
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buffer);
        if let Some(bytes) = buffer.filled().get(before..).filter(|bytes| !bytes.is_empty()) {
            self.activity.bytes_came(bytes);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.told(written, std::iter::once(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.told(written, slices.iter().map(|slice| &**slice))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::{Activity, PREFACE};
    use std::{sync::Arc, time::Duration};
    use tokio::time::Instant;

    const HEADER: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_mins(1);

    /// Seconds until the connection counts as expired.
    fn expires_in(activity: &Activity) -> Option<u64> {
        // Rounded up, since a little time has gone by.
        activity.deadline().map(|deadline| (deadline - Instant::now()).as_secs() + 1)
    }

    #[tokio::test]
    async fn a_fresh_connection_must_send_a_request_soon() {
        assert_eq!(expires_in(&Activity::new(HEADER, IDLE)), Some(10));
    }

    #[tokio::test]
    async fn between_requests_a_connection_may_stand_and_a_head_once_begun_may_not() {
        let activity = Arc::new(Activity::new(HEADER, IDLE));
        activity.bytes_came(b"GET / HTTP/1.1\r\n\r\n");
        drop(activity.begin());
        assert_eq!(expires_in(&activity), Some(60));
        activity.bytes_came(b"G");
        assert_eq!(expires_in(&activity), Some(10));
    }

    #[tokio::test]
    async fn pings_between_requests_of_http2_are_no_slow_heads() {
        let activity = Arc::new(Activity::new(HEADER, IDLE));
        for byte in PREFACE {
            activity.bytes_came(&[*byte]);
        }
        drop(activity.begin());
        activity.bytes_came(b"ping");
        assert_eq!(expires_in(&activity), Some(60));
    }

    #[tokio::test]
    async fn a_running_request_ends_only_where_its_client_stops_reading() {
        let activity = Arc::new(Activity::new(HEADER, IDLE));
        let _running = activity.begin();
        assert_eq!(expires_in(&activity), None);
        activity.blocked();
        assert_eq!(expires_in(&activity), Some(60));
        activity.written(std::iter::empty());
        assert_eq!(expires_in(&activity), None);
    }

    #[tokio::test(start_paused = true)]
    async fn responses_that_no_window_lets_out_expire_unless_one_is_still_being_made() {
        const PONG: &[u8] = &[0, 0, 0, 6, 1, 0, 0, 0, 0];
        const DATA: &[u8] = &[0, 0, 1, 0, 0, 0, 0, 0, 1, 0];
        let activity = Arc::new(Activity::new(HEADER, IDLE));
        activity.bytes_came(PREFACE);
        let (mut one, mut other) = (activity.begin(), activity.begin());
        one.offer(true);
        assert_eq!(expires_in(&activity), None);
        other.offer(true);
        tokio::time::advance(Duration::from_secs(20)).await;
        activity.written([PONG].into_iter());
        assert_eq!(expires_in(&activity), Some(41));
        activity.written([PONG, DATA].into_iter());
        assert_eq!(expires_in(&activity), Some(61), "it got on");
        tokio::time::advance(Duration::from_secs(20)).await;
        other.offer(false);
        assert_eq!(expires_in(&activity), None);
        drop(other);
        assert_eq!(expires_in(&activity), Some(41));
        drop(one);
        tokio::time::advance(Duration::from_secs(20)).await;
        activity.written([DATA].into_iter());
        assert_eq!(expires_in(&activity), Some(61), "its end is on its way");
    }

    #[tokio::test]
    async fn what_has_expired_is_told() {
        let now = Duration::ZERO;
        let told = tokio::time::timeout(Duration::from_secs(10), async { Activity::new(now, now).expired().await });
        told.await.expect("it has expired already");
    }
}
