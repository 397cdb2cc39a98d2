//! Targets over real sockets, in every way of coming in pieces.

use super::{
    super::{Listener, ServeOptions},
    EncodedTargets, Understood,
};
use poem::{Request, Response, endpoint::make};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::timeout,
};

/// Answers with what it was asked, on a line of its own.
async fn echo() -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr();
    let endpoint = make(|mut request: Request| async move {
        let (method, target) = (request.method().clone(), request.uri().to_string());
        if target.starts_with("/unread") {
            return Ok::<_, poem::Error>(Response::builder().body("<unread>"));
        }
        let body = request.take_body().into_string().await.unwrap_or_default();
        Ok(Response::builder().body(format!("<{method} {target} {body}>")))
    });
    tokio::spawn(listener.serve(endpoint, std::future::pending(), ServeOptions::default()));
    address
}

/// Sends pieces, and gives what comes back until the connection ends: the last request asks for that.
async fn told(address: SocketAddr, pieces: &[&[u8]]) -> Vec<String> {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.set_nodelay(true).unwrap();
    let (mut reader, mut writer) = client.split();
    let mut answer = Vec::new();
    let send = async {
        for piece in pieces {
            let _ = writer.write_all(piece).await;
            tokio::task::yield_now().await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = send => {}
        read = timeout(Duration::from_secs(5), reader.read_to_end(&mut answer)) => drop(read.expect("the connection ends")),
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.split('<').skip(1).filter_map(|part| part.split_once('>')).map(|(told, _)| told.to_owned()).collect()
}

const END: &str = "GET /end HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn what_curl_sends_raw_arrives_encoded() {
    let address = echo().await;
    for (raw, encoded) in [
        ("/t?name=in.(\"a,b\",c)", "/t?name=in.(%22a,b%22,c)"),
        ("/t?a=eq.<{|}>\\^`[]", "/t?a=eq.%3C%7B%7C%7D%3E%5C%5E%60%5B%5D"),
        ("/t?a=eq.x#y", "/t?a=eq.x%23y"),
        ("/ta\"ble/é?ü=eq.%22", "/ta%22ble/%C3%A9?%C3%BC=eq.%22"),
        ("/plain?a=b%20c+d", "/plain?a=b%20c+d"),
    ] {
        let request = format!("GET {raw} HTTP/1.1\r\nhost: a\r\nx: \"<>\"\r\nconnection: close\r\n\r\n");
        assert_eq!(told(address, &[request.as_bytes()]).await, [format!("GET {encoded} ")]);
    }
    let latin1 = b"GET /t?a=\xe9 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(told(address, &[latin1]).await, ["GET /t?a=%E9 "]);
}

#[tokio::test]
async fn a_head_may_come_in_two_pieces_split_anywhere_and_byte_by_byte() {
    let address = echo().await;
    let request = b"\r\nGET /t?a=in.(\"b\",\xc3\xa9) HTTP/1.1\r\nhost: a\r\nx: \"y\"\r\nconnection: close\r\n\r\n";
    let expected = ["GET /t?a=in.(%22b%22,%C3%A9) "];
    for at in 1..request.len() {
        let (first, second) = request.split_at(at);
        assert_eq!(told(address, &[first, second]).await, expected, "{at}");
    }
    let bytes: Vec<_> = request.chunks(1).collect();
    assert_eq!(told(address, &bytes).await, expected);
}

#[tokio::test]
async fn requests_in_a_row_are_each_encoded() {
    let address = echo().await;
    let one = |n: usize| format!("GET /{n}?a=\"{n}\" HTTP/1.1\r\nhost: a\r\n\r\n");
    let row: String = (0..2000).map(one).chain([END.to_owned()]).collect();
    let expected: Vec<_> = (0..2000).map(|n| format!("GET /{n}?a=%22{n}%22 ")).chain(["GET /end ".to_owned()]).collect();
    assert_eq!(told(address, &[row.as_bytes()]).await, expected);
}

#[tokio::test]
async fn a_body_that_reads_like_a_request_is_a_body() {
    let address = echo().await;
    let body = "GET /\"smuggled\" HTTP/1.1\r\nhost: a\r\n\r\n";
    let post = format!("POST /t?a=\"1\" HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let next = format!("GET /n?a=\"2\" HTTP/1.1\r\nhost: a\r\n\r\n{END}");
    let expected = [format!("POST /t?a=%221%22 {body}"), "GET /n?a=%222%22 ".to_owned(), "GET /end ".to_owned()];
    let all = format!("{post}{next}");
    for at in 0..all.len() {
        let (first, second) = all.as_bytes().split_at(at);
        assert_eq!(told(address, &[first, second]).await, expected, "{at}");
    }
}

#[tokio::test]
async fn behind_a_chunked_body_nothing_is_touched() {
    let address = echo().await;
    let body = "GET /\" HTTP/1.1\r\n";
    let post = format!("POST /t HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let all = format!("{post}GET /plain HTTP/1.1\r\nhost: a\r\n\r\n{END}");
    assert_eq!(told(address, &[all.as_bytes()]).await, [format!("POST /t {body}"), "GET /plain ".to_owned(), "GET /end ".to_owned()]);
    let refused = format!("{post}GET /?a=< HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(told(address, &[refused.as_bytes()]).await, [format!("POST /t {body}")], "and hyper refuses it, as ever");
}

#[tokio::test]
async fn a_body_that_nobody_reads_does_not_become_longer() {
    let address = echo().await;
    let body = "GET /\"\"\"\" HTTP/1.1\r\nhost: a\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    let post = format!("POST /unread HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
    for at in 0..body.len() {
        let (first, second) = body.split_at(at);
        let told = told(address, &[post.as_bytes(), first.as_bytes(), second.as_bytes(), END.as_bytes()]).await;
        assert_eq!(told, ["unread", "GET /end "], "{at}");
    }
    let chunked = b"POST /unread HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(told(address, &[chunked, b"2\r\nab\r\n", b"0\r\n\r\n", END.as_bytes()]).await, ["unread", "GET /end "]);
}

#[tokio::test]
async fn a_connection_whose_body_is_too_much_to_read_is_said_to_end() {
    let address = echo().await;
    for (framing, body) in
        [("content-length: 300000", ""), ("transfer-encoding: chunked", "ffffff\r\n"), ("content-length: 5\r\nexpect: 100-continue", "")]
    {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(format!("POST /unread HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n{body}").as_bytes()).await.unwrap();
        if framing.starts_with('t') {
            client.write_all(&vec![b'x'; 300_000]).await.unwrap();
        }
        let mut head = Vec::new();
        while !head.ends_with(b"<unread>") {
            head.push(timeout(Duration::from_secs(5), client.read_u8()).await.expect("the answer comes").unwrap());
        }
        let head = String::from_utf8_lossy(&head);
        assert!(head.contains("connection: close\r\n"), "{framing}: {head}");
    }
}

#[tokio::test]
async fn two_lengths_that_differ_smuggle_nothing() {
    let address = echo().await;
    let body = "GET /\"x\" HTTP/1.1\r\nhost: a\r\n\r\n";
    for framing in [
        format!("content-length: 0\r\ncontent-length: {}", body.len()),
        format!("content-length: {}\r\ntransfer-encoding: chunked", body.len()),
        "transfer-encoding: identity".to_owned(),
    ] {
        let told = told(address, &[format!("POST /t HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n{body}{END}").as_bytes()]).await;
        assert!(told.iter().all(|told| !told.contains("GET /%22x")), "{framing}: {told:?}");
    }
}

#[tokio::test]
async fn a_line_that_never_ends_is_bounded() {
    let address = echo().await;
    let line = format!("GET /{}", "\"".repeat(1024 * 1024));
    assert!(told(address, &[line.as_bytes()]).await.is_empty());
}

#[tokio::test]
async fn a_client_that_sends_before_it_reads_gets_its_answer() {
    let address = echo().await;
    for framing in ["content-length: 12000000", "transfer-encoding: chunked"] {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(format!("POST /unread HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n").as_bytes()).await.unwrap();
        let chunk = [b"ea60\r\n", vec![b'x'; 60_000].as_slice(), b"\r\n"].concat();
        let piece = if framing.starts_with('t') { &chunk[..] } else { &chunk[6..60_006] };
        for sent in 0..200 {
            client.write_all(piece).await.unwrap_or_else(|error| panic!("{framing}, after {sent} pieces: {error}"));
        }
        let mut answer = Vec::new();
        timeout(Duration::from_secs(5), client.read_to_end(&mut answer)).await.expect("the connection ends").unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("<unread>"), "{framing}: {answer}");
    }
}

/// Gives one piece a read.
struct Pieces<'p>(Vec<&'p [u8]>);

impl tokio::io::AsyncRead for Pieces<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(piece) = self.0.pop() else { return Poll::Ready(Ok(())) };
        let (now, later) = piece.split_at(piece.len().min(buffer.remaining()));
        buffer.put_slice(now);
        if !later.is_empty() {
            self.0.push(later);
        }
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn neither_pieces_nor_small_buffers_change_what_comes_out() {
    let request = b"GET /t?a=\"\"b<\xff HTTP/1.1\r\nx: \"\"\r\n\r\n/\" \"";
    let expected = "GET /t?a=%22%22b%3C%FF HTTP/1.1\r\nx: \"\"\r\n\r\n/\" \"";
    for at in 0..=request.len() {
        for size in 1..=request.len() + 1 {
            let (first, second) = request.split_at(at);
            let mut pieces = vec![second, first];
            pieces.retain(|piece| !piece.is_empty());
            let mut encoded = EncodedTargets::new(Pieces(pieces), Arc::new(Understood::new()));
            let (mut all, mut buffer) = (Vec::new(), vec![0; size]);
            loop {
                let read = encoded.read(&mut buffer).await.unwrap();
                if read == 0 {
                    break;
                }
                all.extend_from_slice(&buffer[..read]);
            }
            assert_eq!(String::from_utf8_lossy(&all), expected, "split at {at}, read by {size}");
        }
    }
}
