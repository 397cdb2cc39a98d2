//! Asks the server to end what a connection is doing, over a connection of its own.

use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tracing::debug;

use super::{
    connection::BackendKey,
    dial::{Dialer, Peer, timed_out},
    error::WireError,
};

const PATIENCE: Duration = Duration::from_secs(5);

/// Sends a cancel request and waits until the server has passed it on. A failure is only told to the log: the session is closed either way.
pub(super) async fn cancel(dialer: &Dialer, peer: &Peer, key: BackendKey) {
    let sent = timeout(PATIENCE, request(dialer, peer, key)).await.unwrap_or_else(|_| Err(timed_out()));
    match sent {
        Ok(()) => debug!(process = key.process, "cancel request sent"),
        Err(error) => debug!(process = key.process, %error, "cancel request failed"),
    }
}

async fn request(dialer: &Dialer, peer: &Peer, key: BackendKey) -> Result<(), WireError> {
    let mut socket = dialer.dial_again(peer).await?;
    let mut message = BytesMut::with_capacity(16);
    frontend::cancel_request(key.process, key.secret, &mut message);
    socket.write_all(&message).await.map_err(WireError::Connect)?;
    socket.flush().await.map_err(WireError::Connect)?;
    // The server closes once it has signalled the backend. Servers drop TLS without a farewell, which is an error of reading and as good.
    let _ = socket.read(&mut [0; 1]).await;
    Ok(())
}
