//! What an endpoint leaves of a request's body: it is read before the answer goes, so that the connection can take another request.
//!
//! hyper closes a connection whose request was answered before its body had come, and does not say so. Most clients send the body behind the head, and
//! after a refusal by the head alone their next request would meet a connection that is gone. What is too much to read is told by `Connection: close`.

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, header};
use hyper::body::{Body as _, Incoming};
use poem::Body;
use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::timeout;

/// How many bytes are read of what nobody wants.
const MOST: u64 = 256 * 1024;
/// How long they may take.
const LONGEST: Duration = Duration::from_secs(2);

/// A body as an endpoint reads it. Dropped before its end, it goes back.
struct Lent {
    body: Option<Incoming>,
    home: Arc<Mutex<Option<Incoming>>>,
}

/// Where the rest of a body comes back to.
pub(super) struct LeftOver {
    home: Arc<Mutex<Option<Incoming>>>,
    /// The client sends nothing before it is told to go on, and by a refusal it is not.
    waits: bool,
}

/// Lends a body to an endpoint.
pub(super) fn lend(body: Incoming, headers: &HeaderMap) -> (Body, LeftOver) {
    let home = Arc::default();
    let left = LeftOver { home: Arc::clone(&home), waits: headers.contains_key(header::EXPECT) };
    (Body::from_bytes_stream(Lent { body: Some(body), home }), left)
}

impl Stream for Lent {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        loop {
            match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                None => {
                    self.body = None;
                    return Poll::Ready(None);
                }
            }
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let left = self.body.take().filter(|body| !body.is_end_stream());
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = left;
    }
}

impl LeftOver {
    /// Reads what was left. False where that is too much, or does not come: then this was the connection's last request.
    pub(super) async fn read(self) -> bool {
        let left = self.home.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut left) = left else { return true };
        if self.waits || left.size_hint().lower() > MOST {
            return false;
        }
        let rest = async {
            let mut read = 0;
            while let Some(frame) = poll_fn(|cx| Pin::new(&mut left).poll_frame(cx)).await {
                let Ok(frame) = frame else { return false };
                read += frame.data_ref().map_or(0, |data| data.len() as u64);
                if read > MOST {
                    return false;
                }
            }
            true
        };
        timeout(LONGEST, rest).await.unwrap_or(false)
    }
}
