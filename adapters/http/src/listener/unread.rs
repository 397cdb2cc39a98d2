//! What hyper answers by itself to a request that it cannot read, told as everything else is: as a problem document.
//!
//! hyper writes a bare 400, 414 or 431 and has no hook for it. Its bytes are exchanged on their way out, and only where they cannot be anybody else's:
//! where no request runs, and everything of the responses so far has left. Whatever a response holds, none of its bytes are ever taken for hyper's own.

use super::activity::Activity;
use crate::problem::{PROBLEM_JSON, Problem};
use bytes::{Buf, Bytes};
use http::StatusCode;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket on which hyper's own answers are problem documents.
#[derive(Debug)]
pub(super) struct UnreadAnswered<S> {
    socket: S,
    activity: Arc<Activity>,
    /// Gives the answer the id that no request could bring.
    request_id: fn() -> String,
    /// As many requests had begun, and ended, when everything had left.
    quiet_after: u64,
    /// What is still to be sent in the place of hyper's words.
    instead: Bytes,
}

impl<S: AsyncWrite + Unpin> UnreadAnswered<S> {
    pub(super) const fn new(socket: S, activity: Arc<Activity>, request_id: fn() -> String) -> Self {
        Self { socket, activity, request_id, quiet_after: 0, instead: Bytes::new() }
    }

    /// The answer that stands in the place of these bytes, where they are hyper's own.
    fn instead_of(&self, bytes: &[u8]) -> Option<Bytes> {
        let status = bare(bytes)?;
        (self.activity.begun() == self.quiet_after).then(|| answer(status, &(self.request_id)()))
    }

    fn send_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.instead.is_empty() {
            let sent = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.instead))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.instead.advance(sent);
        }
        Poll::Ready(Ok(()))
    }
}

/// The status of a response that is nothing but one of hyper's own heads.
fn bare(bytes: &[u8]) -> Option<StatusCode> {
    // Looked at with every write of every response.
    let rest = bytes.strip_prefix(b"HTTP/1.1 4")?;
    let status = match rest.get(..2)? {
        b"00" => StatusCode::BAD_REQUEST,
        b"14" => StatusCode::URI_TOO_LONG,
        b"31" => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        _ => return None,
    };
    let is_empty = rest.windows(19).any(|window| window == b"content-length: 0\r\n") && rest.ends_with(b"\r\n\r\n");
    is_empty.then_some(status)
}

fn answer(status: StatusCode, id: &str) -> Bytes {
    let (code, detail) = match status {
        StatusCode::URI_TOO_LONG => ("uri_too_long", "the request's target is too long: a list of values is shorter as a filter, or over MCP"),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            ("head_too_large", "the request's target and header fields are larger, or more, than this server reads")
        }
        _ => ("malformed_request", "this is no HTTP request that can be read: a method, a target, a header or the version is malformed"),
    };
    tracing::debug!(request.id = id, status = status.as_u16(), "a request could not be read");
    let title = status.canonical_reason().unwrap_or_default();
    let problem = Problem::new(status, code, detail).json();
    let head = format!(
        "HTTP/1.1 {} {title}\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {}\r\nx-request-id: {id}\r\nx-content-type-options: nosniff\r\n\
         connection: close\r\n\r\n",
        status.as_u16(),
        problem.len()
    );
    [head.into_bytes(), problem].concat().into()
}

impl<S: AsyncRead + Unpin> AsyncRead for UnreadAnswered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for UnreadAnswered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.send_instead(cx))?;
        if let Some(instead) = self.instead_of(bytes) {
            self.instead = instead;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.send_instead(cx))?;
        ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        // hyper flushes when it has nothing left to write.
        if let Some(begun) = self.activity.all_ended() {
            self.quiet_after = begun;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.send_instead(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        ready!(self.send_instead(cx))?;
        let mut written = slices.iter().filter(|slice| !slice.is_empty());
        if let (Some(only), None) = (written.next(), written.next())
            && let Some(instead) = self.instead_of(only)
        {
            self.instead = instead;
            return Poll::Ready(Ok(only.len()));
        }
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::{Activity, UnreadAnswered, bare};
    use std::{sync::Arc, time::Duration};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const HYPERS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";

    #[test]
    fn only_a_whole_empty_head_is_hypers() {
        assert_eq!(bare(HYPERS).unwrap(), 400);
        for other in
            [&HYPERS[..60], b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}", b"{}"]
        {
            assert_eq!(bare(other), None);
        }
    }

    #[tokio::test]
    async fn the_same_bytes_in_a_response_pass_untouched_until_it_has_left() {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let activity = Arc::new(Activity::new(Duration::from_secs(10), Duration::from_secs(10)));
        let mut socket = UnreadAnswered::new(ours, activity.clone(), || "r-1".to_owned());
        let request = activity.begin();
        socket.write_all(HYPERS).await.unwrap();
        socket.flush().await.unwrap();
        // Its body ended, and its last bytes are only now written.
        drop(request);
        socket.write_all(HYPERS).await.unwrap();
        let mut untouched = vec![0; HYPERS.len() * 2];
        theirs.read_exact(&mut untouched).await.unwrap();
        assert_eq!(untouched, [HYPERS, HYPERS].concat());
        // Another began and ended before anything of it was written.
        socket.flush().await.unwrap();
        drop(activity.begin());
        socket.write_all(HYPERS).await.unwrap();
        theirs.read_exact(&mut untouched[..HYPERS.len()]).await.unwrap();
        assert_eq!(&untouched[..HYPERS.len()], HYPERS);

        socket.flush().await.unwrap();
        socket.write_all(HYPERS).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut text = String::new();
        theirs.read_to_string(&mut text).await.unwrap();
        assert!(text.contains("x-request-id: r-1\r\n") && text.contains(r#""code":"malformed_request""#), "{text}");
    }
}
