//! The listener over real sockets.

mod windows;

use super::{BindError, Listener, ServeOptions};
use futures_util::{StreamExt, stream};
use poem::{Endpoint, Request, Response};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

const SOON: Duration = Duration::from_secs(5);

/// What happens to handlers, as they tell it.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    Began,
    Answered,
    Dropped,
}

/// Answers once it is released, and tells what becomes of it.
struct Slow {
    events: mpsc::UnboundedSender<Event>,
    release: Arc<Notify>,
}

struct Fate(mpsc::UnboundedSender<Event>, bool);

impl Drop for Fate {
    fn drop(&mut self) {
        let _ = self.0.send(if self.1 { Event::Answered } else { Event::Dropped });
    }
}

impl Endpoint for Slow {
    type Output = Response;

    async fn call(&self, _request: Request) -> poem::Result<Response> {
        let _ = self.events.send(Event::Began);
        let mut fate = Fate(self.events.clone(), false);
        self.release.notified().await;
        fate.1 = true;
        Ok(Response::builder().body("done"))
    }
}

struct Running {
    address: SocketAddr,
    events: mpsc::UnboundedReceiver<Event>,
    release: Arc<Notify>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Running {
    async fn start(options: ServeOptions) -> Self {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr();
        let (sender, events) = mpsc::unbounded_channel();
        let release = Arc::new(Notify::new());
        let (stop, stopped) = oneshot::channel::<()>();
        let endpoint = Slow { events: sender, release: release.clone() };
        let server = tokio::spawn(listener.serve(endpoint, async move { drop(stopped.await) }, options));
        Self { address, events, release, stop: Some(stop), server }
    }

    async fn event(&mut self) -> Event {
        timeout(SOON, self.events.recv()).await.expect("an event in time").expect("the server runs")
    }

    async fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(bytes).await.unwrap();
        client
    }
}

async fn everything(client: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    timeout(SOON, client.read_to_end(&mut answer)).await.expect("the connection ends").unwrap_or_default();
    String::from_utf8_lossy(&answer).into_owned()
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

#[tokio::test]
async fn a_taken_port_is_said_clearly_and_port_0_takes_a_free_one() {
    let first = Listener::bind("127.0.0.1:0").await.unwrap();
    assert_ne!(first.local_addr().port(), 0);
    let refused = Listener::bind(&first.local_addr().to_string()).await.unwrap_err();
    assert!(matches!(refused, BindError::Taken { .. }) && refused.to_string().contains("in use already"), "{refused}");
    assert!(matches!(Listener::bind("no such host:x").await, Err(BindError::Unusable { .. })));
}

#[tokio::test]
async fn a_handler_is_dropped_as_soon_as_its_client_is_gone() {
    let mut running = Running::start(ServeOptions::default()).await;
    let client = running.send(REQUEST).await;
    assert_eq!(running.event().await, Event::Began);
    drop(client);
    assert_eq!(running.event().await, Event::Dropped);
}

#[tokio::test]
async fn a_shutdown_lets_running_requests_end_and_accepts_nothing_more() {
    let mut running = Running::start(ServeOptions::default()).await;
    let mut client = running.send(REQUEST).await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(running.event().await, Event::Began);
    running.stop.take();
    assert_eq!(everything(&mut idle).await, "", "idle connections are closed at once");
    assert!(TcpStream::connect(running.address).await.is_err(), "nothing is accepted any more");
    running.release.notify_one();
    let answer = everything(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("done"), "{answer}");
    timeout(SOON, running.server).await.expect("the server ends").unwrap();
}

#[tokio::test]
async fn after_the_grace_period_running_requests_are_cut_off() {
    let mut running = Running::start(ServeOptions { grace_period: Duration::from_millis(20), ..ServeOptions::default() }).await;
    let _client = running.send(REQUEST).await;
    assert_eq!(running.event().await, Event::Began);
    running.stop.take();
    assert_eq!(running.event().await, Event::Dropped);
    timeout(SOON, running.server).await.expect("the server ends").unwrap();
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let running = Running::start(ServeOptions { header_timeout: Duration::from_millis(50), ..ServeOptions::default() }).await;
    for beginning in [&b""[..], b"GET / HTTP/1.1\r\nx-slow: a", b"PRI * HT"] {
        let mut client = running.send(beginning).await;
        assert_eq!(everything(&mut client).await, "");
    }
}

#[tokio::test]
async fn what_cannot_be_read_as_a_request_is_told_as_a_problem_on_fresh_and_on_used_connections() {
    let running = Running::start(ServeOptions { request_id: || "r-1".to_owned(), max_header_bytes: 128 * 1024, ..ServeOptions::default() }).await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(65_535));
    // hyper looks at the limit when a head is not whole yet, and may have read as much again by then.
    let large = format!("GET / HTTP/1.1\r\nhost: a\r\nx-large: {}\r\n\r\n", "a".repeat(600_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200));
    for (unreadable, status, code) in [
        ("GET / HTTP/1.1\r\n: a\r\n\r\n", 400, "malformed_request"),
        ("nonsense\r\n\r\n", 400, "malformed_request"),
        (&long, 414, "uri_too_long"),
        (&large, 431, "head_too_large"),
        (&many, 431, "head_too_large"),
    ] {
        for before in [&b""[..], REQUEST] {
            let mut client = running.send(before).await;
            if !before.is_empty() {
                running.release.notify_one();
                let mut answer = Vec::new();
                while !answer.ends_with(b"done") {
                    answer.push(timeout(SOON, client.read_u8()).await.expect("the answer comes in time").unwrap());
                }
            }
            let _ = client.write_all(unreadable.as_bytes()).await;
            let answer = everything(&mut client).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{status}: {answer}"));
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")) && head.contains("application/problem+json"), "{answer}");
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())) && head.contains("x-request-id: r-1"), "{answer}");
            let problem: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &code.into()));
        }
    }
}

#[tokio::test]
async fn a_request_that_does_not_say_where_it_goes_is_a_problem_and_reaches_no_endpoint() {
    let running = Running::start(ServeOptions { request_id: || "r-1".to_owned(), ..ServeOptions::default() }).await;
    for (head, status) in [
        ("GET / HTTP/1.1\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a/b\r\n", "400"),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n", "501"),
    ] {
        let mut client = running.send(format!("{head}connection: close\r\n\r\n0\r\n\r\n").as_bytes()).await;
        let answer = everything(&mut client).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains("application/problem+json"), "{head}: {answer}");
        assert!(answer.contains("x-request-id: r-1") && answer.contains("x-content-type-options: nosniff"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_ends_without_its_end_mark() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr();
    let seen = Arc::new(Notify::new());
    let breaks = seen.clone();
    let endpoint = poem::endpoint::make_sync(move |_| {
        let broken = breaks.clone();
        let broken = async move {
            broken.notified().await;
            Err(std::io::Error::other("broken"))
        };
        let chunks = stream::once(async { Ok("[1,") }).chain(stream::once(broken));
        Response::builder().body(poem::Body::from_bytes_stream(chunks))
    });
    tokio::spawn(listener.serve(endpoint, std::future::pending(), ServeOptions::default()));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(REQUEST).await.unwrap();
    let mut beginning = Vec::new();
    while !beginning.ends_with(b"[1,\r\n") {
        beginning.push(timeout(SOON, client.read_u8()).await.expect("the beginning comes in time").unwrap());
    }
    seen.notify_one();
    let answer = everything(&mut client).await;
    assert_eq!(answer, "", "nothing more, above all no end mark");
}

/// Preface, empty settings, and a request for `/` on stream 1.
const HTTP2_REQUEST: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x03\x01\x05\x00\x00\x00\x01\x82\x86\x84";

#[tokio::test]
async fn http2_is_spoken_by_prior_knowledge_and_a_reset_drops_the_handler() {
    let mut running = Running::start(ServeOptions::default()).await;
    let mut client = running.send(HTTP2_REQUEST).await;
    let mut frame = [0; 9];
    client.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "the server answers with its settings");
    assert_eq!(running.event().await, Event::Began);
    client.write_all(b"\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x08").await.unwrap();
    assert_eq!(running.event().await, Event::Dropped);
}

#[tokio::test]
async fn a_full_house_makes_the_next_client_wait() {
    let mut running =
        Running::start(ServeOptions { max_connections: const { std::num::NonZeroUsize::new(1).unwrap() }, ..ServeOptions::default() }).await;
    let first = running.send(REQUEST).await;
    assert_eq!(running.event().await, Event::Began);
    let mut second = running.send(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    drop(first);
    assert_eq!(running.event().await, Event::Dropped, "before the second one begins");
    assert_eq!(running.event().await, Event::Began);
    running.release.notify_one();
    assert!(everything(&mut second).await.ends_with("done"));
}
