//! Reaches a target's server: resolves, connects, agrees on TLS.

use std::{io, net::SocketAddr, path::PathBuf};

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    error::WireError,
    socket::Socket,
    target::{Host, Target, TlsMode},
    tls::Tls,
};

/// The very server behind a connection, where a name may stand for several.
#[derive(Clone, Debug)]
pub(super) enum Peer {
    Tcp { address: SocketAddr, encrypted: bool },
    Unix(PathBuf),
}

/// Reaches one target.
pub(super) struct Dialer {
    pub(super) target: Target,
    tls: Option<Tls>,
}

impl Dialer {
    pub(super) fn new(target: Target) -> Result<Self, WireError> {
        Ok(Self { tls: Tls::new(&target)?, target })
    }

    /// Connects as the target says.
    pub(super) async fn dial(&self) -> Result<(Socket, Peer), WireError> {
        match &self.target.host {
            Host::Unix(folder, port) => {
                let path = folder.join(format!(".s.PGSQL.{port}"));
                Ok((unix(&path).await?, Peer::Unix(path)))
            }
            Host::Tcp(host, port) => {
                let socket = TcpStream::connect((host.as_str(), *port)).await.map_err(WireError::Connect)?;
                let address = socket.peer_addr().map_err(WireError::Connect)?;
                let socket = self.agree_on_tls(socket).await?;
                let encrypted = matches!(socket, Socket::Tls(_));
                Ok((socket, Peer::Tcp { address, encrypted }))
            }
        }
    }

    /// Connects to a server reached before, in the same way: encrypted if it was.
    pub(super) async fn dial_again(&self, peer: &Peer) -> Result<Socket, WireError> {
        match peer {
            Peer::Unix(path) => unix(path).await,
            Peer::Tcp { address, encrypted } => {
                let socket = TcpStream::connect(address).await.map_err(WireError::Connect)?;
                if *encrypted { self.agree_on_tls(socket).await } else { Ok(Socket::Tcp(socket)) }
            }
        }
    }

    async fn agree_on_tls(&self, mut socket: TcpStream) -> Result<Socket, WireError> {
        socket.set_nodelay(true).map_err(WireError::Connect)?;
        let Some(tls) = &self.tls else { return Ok(Socket::Tcp(socket)) };
        let mut request = BytesMut::with_capacity(8);
        frontend::ssl_request(&mut request);
        socket.write_all(&request).await.map_err(WireError::Connect)?;
        // One byte and no more: whatever followed it unencrypted would not be the server's word (CVE-2021-23222).
        match socket.read_u8().await.map_err(WireError::Connect)? {
            b'S' => Ok(Socket::Tls(Box::new(tls.handshake(socket).await?))),
            b'N' if self.target.tls == TlsMode::Prefer => Ok(Socket::Tcp(socket)),
            b'N' => Err(WireError::Tls { reason: "the server does not offer it", cause: None }),
            _ => Err(WireError::Protocol("an answer to the TLS request that is none")),
        }
    }
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> Result<Socket, WireError> {
    tokio::net::UnixStream::connect(path).await.map(Socket::Unix).map_err(WireError::Connect)
}

#[cfg(not(unix))]
async fn unix(_path: &std::path::Path) -> Result<Socket, WireError> {
    Err(WireError::Connect(io::Error::from(io::ErrorKind::Unsupported)))
}

/// A step of connecting that took too long.
pub(super) fn timed_out() -> WireError {
    WireError::Connect(io::Error::from(io::ErrorKind::TimedOut))
}
