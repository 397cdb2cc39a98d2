//! One connection, HTTP/1.1 or HTTP/2 with prior knowledge.

use super::{
    ServeOptions,
    activity::{Activity, InFlight, Watched},
    addressed, left_over,
    targets::{EncodedTargets, Understood},
    unread::UnreadAnswered,
};
use crate::{edge, problem::Problem};
use bytes::Bytes;
use http::{HeaderValue, Version, header};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::Watcher},
};
use poem::{
    Addr, Endpoint, IntoResponse, Request, RequestParts, Response,
    web::{LocalAddr, RemoteAddr},
};
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::net::TcpStream;

/// What all connections share.
pub(super) struct Server<E> {
    endpoint: Arc<E>,
    local: SocketAddr,
    builder: Builder<TokioExecutor>,
    header_timeout: Duration,
    idle_timeout: Duration,
    request_id: fn() -> String,
}

impl<E: Endpoint + 'static> Server<E> {
    pub(super) fn new(endpoint: E, local: SocketAddr, options: &ServeOptions) -> Self {
        let max_header_bytes = options.max_header_bytes;
        let mut builder = Builder::new(TokioExecutor::new());
        // hyper's own timeout of heads also runs between two requests, and not before it knows the protocol: `Activity` does both.
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(usize::try_from(max_header_bytes).unwrap_or(usize::MAX).max(8192));
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(options.max_concurrent_streams)
            .max_header_list_size(max_header_bytes)
            .max_pending_accept_reset_streams(20)
            .keep_alive_interval(options.idle_timeout / 2)
            .keep_alive_timeout(options.header_timeout);
        Self {
            endpoint: Arc::new(endpoint),
            local,
            builder,
            header_timeout: options.header_timeout,
            idle_timeout: options.idle_timeout,
            request_id: options.request_id,
        }
    }

    /// Serves until the client goes, takes too long, or the shutdown lets the connection end. Dropping this drops the handlers at work on it.
    pub(super) async fn serve(&self, socket: TcpStream, remote: SocketAddr, watcher: Watcher) {
        // A small answer must not wait for the acknowledgement of the one before.
        let _ = socket.set_nodelay(true);
        let activity = Arc::new(Activity::new(self.header_timeout, self.idle_timeout));
        let understood = Arc::new(Understood::new());
        let socket = UnreadAnswered::new(Watched::new(socket, activity.clone()), activity.clone(), self.request_id);
        let io = TokioIo::new(EncodedTargets::new(socket, understood.clone()));
        let service = service_fn(|request| {
            understood.begun(&request);
            self.answer(request, remote, activity.begin())
        });
        let connection = watcher.watch(self.builder.serve_connection_with_upgrades(io, service));
        tokio::select! {
            ended = connection => {
                if let Err(error) = ended {
                    tracing::trace!(%error, %remote, "connection ended");
                }
            }
            () = activity.expired() => tracing::debug!(%remote, "connection timed out"),
        }
    }

    fn answer(
        &self,
        request: http::Request<Incoming>,
        remote: SocketAddr,
        in_flight: InFlight,
    ) -> impl Future<Output = Result<http::Response<impl Body<Data = Bytes, Error = io::Error> + use<E>>, Infallible>> + Send + use<E> {
        let endpoint = self.endpoint.clone();
        let request_id = self.request_id;
        let addresses = (LocalAddr(Addr::SocketAddr(self.local)), RemoteAddr(Addr::SocketAddr(remote)));
        async move {
            let (head, body) = request.into_parts();
            let refusal = addressed::refusal(&head);
            let is_http1 = head.version <= Version::HTTP_11;
            let (body, left) = if body.is_end_stream() {
                (poem::Body::empty(), None)
            } else {
                let (body, left) = left_over::lend(body, &head.headers);
                // A stream of HTTP/2 ends alone.
                (body, is_http1.then_some(left))
            };
            let response = if let Some(problem) = refusal {
                drop(body);
                refused(problem, &request_id())
            } else {
                let parts = RequestParts::from((head, addresses.0, addresses.1, http::uri::Scheme::HTTP));
                endpoint.get_response(Request::from_parts(parts, body)).await
            };
            let mut response: http::Response<_> = response.into();
            if let Some(left) = left
                && !left.read().await
            {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response.map(|body| Tracked { body, in_flight, is_http1 }))
        }
    }
}

/// The answer to a request that no endpoint is to see.
fn refused(problem: Problem, id: &str) -> Response {
    let mut response = problem.into_response();
    edge::mark(response.headers_mut(), HeaderValue::try_from(id).expect("an id is visible ASCII"));
    response
}

/// A response's body; the request counts as running until it is dropped.
struct Tracked<B> {
    body: B,
    in_flight: InFlight,
    is_http1: bool,
}

impl<B: Body + Unpin> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        // What HTTP/1 holds up stands in the socket.
        if !self.is_http1 {
            self.in_flight.offer(frame.is_ready());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
