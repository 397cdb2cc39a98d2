//! Bytes as they are, where no client would send them.

use fluxbase_tests::TestServer;
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

/// Sends bytes and reads what comes back until the connection ends, or for two seconds.
pub(crate) async fn send_raw(server: &TestServer, request: &str) -> String {
    let (address, request) = (server.url().trim_start_matches("http://").to_owned(), request.to_owned());
    let sent = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        // A connection that is kept open ends by the time limit; what came until then counts.
        let _ = stream.read_to_end(&mut answer);
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
    });
    sent.await.expect("sending does not panic").expect("the server can be reached")
}
