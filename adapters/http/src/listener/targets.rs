//! Request targets as clients send them, encoded before hyper sees them.
//!
//! hyper answers a bare 400 to a target with `"`, `<` or `>` in it, which `PostgREST`'s own examples have (`name=in.("a,b",c)`) and curl sends as they
//! are. Nothing here frames a message: where a request begins is taken from hyper, which says of each request how long its body is. Where that is not
//! known (chunked bodies, upgrades, HTTP/2) the connection's bytes pass untouched from there on.

use super::{
    linger::Linger,
    request_line::{Place, Stop},
};
use bytes::{Buf, BytesMut};
use http::{Method, Request, header};
use hyper::body::Body;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What hyper has understood of the request that it read last.
#[derive(Debug)]
pub(super) struct Understood(AtomicU64);

/// No request since the last time.
const NOTHING: u64 = u64::MAX;
/// One whose end cannot be told beforehand.
const UNKNOWN: u64 = u64::MAX - 1;
/// One behind which something other than requests may follow.
const OTHER: u64 = u64::MAX - 2;

impl Understood {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(NOTHING))
    }

    /// hyper has read a request's head.
    pub(super) fn begun<B: Body>(&self, request: &Request<B>) {
        let leaves_http = request.method() == Method::CONNECT || request.headers().contains_key(header::UPGRADE);
        let length = if leaves_http { OTHER } else { request.body().size_hint().exact().unwrap_or(UNKNOWN) };
        self.0.store(length, Ordering::Release);
    }

    fn take(&self) -> u64 {
        // Most looks find nothing, and a load costs less than a swap.
        if self.0.load(Ordering::Acquire) == NOTHING { NOTHING } else { self.0.swap(NOTHING, Ordering::AcqRel) }
    }
}

/// A socket whose request targets are encoded on the way in.
#[derive(Debug)]
pub(super) struct EncodedTargets<S> {
    socket: S,
    understood: Arc<Understood>,
    place: Place,
    /// Bytes that were read and not passed on: no more than came with one read, and what encoding adds.
    held: BytesMut,
    /// How many of these have been looked at.
    ready: usize,
    /// Whether a body without a length came.
    unknown_length: bool,
    has_shut_down: bool,
    linger: Linger,
}

impl<S> EncodedTargets<S> {
    pub(super) fn new(socket: S, understood: Arc<Understood>) -> Self {
        Self {
            socket,
            understood,
            place: Place::Before,
            held: BytesMut::new(),
            ready: 0,
            unknown_length: false,
            has_shut_down: false,
            linger: Linger::default(),
        }
    }

    /// Whether the client may be in the midst of a body.
    fn is_owed_more(&mut self) -> bool {
        self.settle();
        matches!(self.place, Place::Body(_)) || self.unknown_length
    }

    /// Takes over what hyper understood. Wherever it sees something else than was seen here, it is right, and nothing is touched any more.
    fn settle(&mut self) {
        self.place = match (self.place, self.understood.take()) {
            (Place::HeadEnded, 0) => Place::Before,
            (Place::HeadEnded, length) if length < OTHER => Place::Body(length),
            (place, NOTHING) if place != Place::HeadEnded => place,
            (_, length) => {
                self.unknown_length = length == UNKNOWN;
                Place::Lost
            }
        };
    }

    /// Keeps bytes for later, encoded up to the end of the next head.
    fn hold(&mut self, mut raw: &[u8]) {
        loop {
            let (passed, stop) = self.place.scan(raw);
            self.held.extend_from_slice(&raw[..passed]);
            raw = &raw[passed..];
            if stop != Stop::Escape {
                break;
            }
            self.held.extend_from_slice(percent_encoding::percent_encode_byte(raw[0]).as_bytes());
            raw = &raw[1..];
        }
        self.ready = self.held.len();
        self.held.extend_from_slice(raw);
    }

    /// Looks at the bytes that wait behind a head.
    fn look_on(&mut self) {
        let (passed, stop) = self.place.scan(&self.held);
        self.ready = passed;
        if stop == Stop::Escape {
            let raw = self.held.split_off(passed);
            self.hold(&raw);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for EncodedTargets<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.settle();
        if this.ready == 0 && !this.held.is_empty() {
            this.look_on();
        }
        if this.ready == 0 {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.socket).poll_read(cx, buffer))?;
            let read = &buffer.filled()[before..];
            let (passed, _) = this.place.scan(read);
            if passed == read.len() {
                return Poll::Ready(Ok(()));
            }
            this.hold(&read[passed..]);
            buffer.set_filled(before + passed);
        }
        let fits = this.ready.min(buffer.remaining());
        buffer.put_slice(&this.held[..fits]);
        this.held.advance(fits);
        this.ready -= fits;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for EncodedTargets<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.has_shut_down {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
            this.has_shut_down = true;
        }
        if this.is_owed_more() {
            ready!(this.linger.poll(&mut this.socket, cx));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
