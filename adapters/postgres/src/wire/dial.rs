//! Reaches a target's server: resolves, connects, agrees on TLS.

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, ToSocketAddrs},
};
use tracing::debug;

use super::{
    error::WireError,
    socket::Socket,
    target::{Host, Target, TlsMode},
    tls::Tls,
};

/// A connection that was quiet for so long is asked whether its peer is still there.
const QUIET: Duration = Duration::from_secs(10);
/// A peer that leaves this many questions unanswered is gone.
const QUESTIONS: u32 = 3;
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(5);
/// A peer that takes nothing of what it is sent for so long is gone. Longer than statements usually may take: a session that waits for a lock does not
/// take the rest of a large request meanwhile.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NOTHING_TAKEN: Duration = Duration::from_secs(30);

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
                let socket = tcp((host.as_str(), *port)).await?;
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
                let socket = tcp(address).await?;
                if *encrypted { self.agree_on_tls(socket).await } else { Ok(Socket::Tcp(socket)) }
            }
        }
    }

    async fn agree_on_tls(&self, mut socket: TcpStream) -> Result<Socket, WireError> {
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

async fn tcp(address: impl ToSocketAddrs) -> Result<TcpStream, WireError> {
    let socket = TcpStream::connect(address).await.map_err(WireError::Connect)?;
    socket.set_nodelay(true).map_err(WireError::Connect)?;
    if let Err(error) = notice_a_lost_peer(&socket) {
        debug!(%error, "a peer that vanishes will be noticed late");
    }
    Ok(socket)
}

/// Nobody closes the connections of a host that lost its power or its network: the system has to find out, within half a minute instead of never.
fn notice_a_lost_peer(socket: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(QUIET).with_interval(BETWEEN_QUESTIONS).with_retries(QUESTIONS))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(NOTHING_TAKEN))?;
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_host_that_vanishes_is_noticed_by_the_system() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let dialer = Dialer::new(format!("postgres://u@127.0.0.1:{port}/d?sslmode=disable").parse().unwrap()).unwrap();
        let (first, peer) = dialer.dial().await.unwrap();
        for socket in [first, dialer.dial_again(&peer).await.unwrap()] {
            let Socket::Tcp(socket) = socket else { panic!("not TCP") };
            assert!(socket.nodelay().unwrap());
            let socket = SockRef::from(&socket);
            assert!(socket.keepalive().unwrap());
            let asked = (socket.tcp_keepalive_time().unwrap(), socket.tcp_keepalive_interval().unwrap(), socket.tcp_keepalive_retries().unwrap());
            assert_eq!(asked, (QUIET, BETWEEN_QUESTIONS, QUESTIONS));
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(NOTHING_TAKEN));
        }
    }
}
