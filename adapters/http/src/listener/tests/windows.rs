//! Clients of HTTP/2 that open no window, or a little one: what stands within the server and never comes to the socket.

use super::{Event, Running, SOON};
use crate::ServeOptions;
use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const IDLE: Duration = Duration::from_secs(2);

/// Preface, settings with windows of no bytes, and a request for `/` on stream 1.
const NO_WINDOW: &[u8] =
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x03\x01\x05\x00\x00\x00\x01\x82\x86\x84";

/// Opens the window of stream 1 by one byte.
const ONE_BYTE: &[u8] = b"\x00\x00\x04\x08\x00\x00\x00\x00\x01\x00\x00\x00\x01";

const DATA: u8 = 0;
const PING: u8 = 6;

async fn start() -> Running {
    Running::start(ServeOptions { idle_timeout: IDLE, header_timeout: IDLE / 2, ..ServeOptions::default() }).await
}

/// The next frame's type and payload; pings are answered on the way.
async fn frame(client: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    client.read_exact(&mut head).await?;
    let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
    client.read_exact(&mut payload).await?;
    if head[3] == PING && head[4] == 0 {
        head[4] = 1;
        client.write_all(&[&head[..], &payload].concat()).await?;
    }
    Ok((head[3], payload))
}

/// Reads on, answering pings, until the server ends the connection. Gives the data that came.
async fn until_it_ends(client: &mut TcpStream) -> Vec<u8> {
    let mut data = Vec::new();
    while let Ok((kind, payload)) = frame(client).await {
        if kind == DATA {
            data.extend(payload);
        }
    }
    data
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_response_is_cut_off_and_one_that_waits_for_us_is_not() {
    let mut running = start().await;
    let mut client = running.send(NO_WINDOW).await;
    assert_eq!(running.event().await, Event::Began);
    timeout(IDLE + IDLE / 2, until_it_ends(&mut client)).await.expect_err("the handler still works");
    running.release.notify_one();
    assert_eq!(running.event().await, Event::Answered);
    assert_eq!(timeout(SOON, until_it_ends(&mut client)).await.expect("it ends"), b"");
}

#[tokio::test]
async fn a_client_that_takes_its_response_slowly_gets_all_of_it() {
    let mut running = start().await;
    let mut client = running.send(NO_WINDOW).await;
    assert_eq!(running.event().await, Event::Began);
    running.release.notify_one();
    assert_eq!(running.event().await, Event::Answered);
    let mut data = Vec::new();
    while data.len() < b"done".len() {
        match timeout(SOON, frame(&mut client)).await.expect("a frame in time").expect("the connection goes on") {
            // The server sends one in half of the time for which nothing may happen.
            (PING, _) => client.write_all(ONE_BYTE).await.unwrap(),
            (DATA, payload) => data.extend(payload),
            _ => {}
        }
    }
    assert_eq!(data, b"done");
}
