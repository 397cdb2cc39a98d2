//! The listener: an accept loop that serves any poem endpoint and drops a handler as soon as its client is gone.
//!
//! poem's own server polls a finished connection again, so that a handler runs on after its client left, and never sets `TCP_NODELAY`. This one uses
//! only poem's public types. A client that closes its sending side counts as gone: on the wire that looks just like a client that left.

mod activity;
mod addressed;
mod backoff;
mod connection;
mod frames;
mod left_over;
mod linger;
mod options;
mod request_line;
mod targets;
#[cfg(test)]
mod tests;
mod unread;

pub use options::ServeOptions;

use backoff::Backoff;
use hyper_util::server::graceful::GracefulShutdown;
use poem::IntoEndpoint;
use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;

/// A bound address, from which nothing has been accepted yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    local: SocketAddr,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else has it.
    #[error("{address} is in use already: stop the other server, or set server.address to another one (port 0 takes a free port)")]
    Taken {
        /// As it was asked for.
        address: String,
    },
    /// The operating system does not allow it.
    #[error("not allowed to listen on {address}: ports below 1024 need special rights; set server.address to another one")]
    NotAllowed {
        /// As it was asked for.
        address: String,
    },
    /// It is no address of this machine.
    #[error("cannot listen on '{address}'; expected an address of this machine and a port, such as 127.0.0.1:8080")]
    Unusable {
        /// As it was asked for.
        address: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

impl Listener {
    /// Binds `host:port`; port 0 takes a free one.
    pub async fn bind(address: &str) -> Result<Self, BindError> {
        let bound = TcpListener::bind(address).await.and_then(|socket| Ok((socket.local_addr()?, socket)));
        let (local, socket) = bound.map_err(|source| {
            let address = address.to_owned();
            match source.kind() {
                io::ErrorKind::AddrInUse => BindError::Taken { address },
                io::ErrorKind::PermissionDenied => BindError::NotAllowed { address },
                _ => BindError::Unusable { address, source },
            }
        })?;
        Ok(Self { socket, local })
    }

    /// Where it listens, with the port that was taken.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Serves until `shutdown` is ready, then accepts nothing more and lets requests that run come to their end, within the grace period.
    pub async fn serve<E>(self, endpoint: E, shutdown: impl Future<Output = ()>, options: ServeOptions)
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        let server = Arc::new(connection::Server::new(endpoint.into_endpoint(), self.local, &options));
        let slots = Arc::new(Semaphore::new(options.max_connections.get()));
        let graceful = GracefulShutdown::new();
        let abort = CancellationToken::new();
        let mut shutdown = pin!(shutdown);
        let mut backoff = Backoff::default();
        loop {
            let (socket, remote, slot) = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = self.accept(&slots, &mut backoff) => accepted,
            };
            let (server, watcher, abort) = (server.clone(), graceful.watcher(), abort.clone());
            tokio::spawn(async move {
                abort.run_until_cancelled(server.serve(socket, remote, watcher)).await;
                drop(slot);
            });
        }
        drop(self.socket);
        let mut finished = pin!(graceful.shutdown());
        if tokio::time::timeout(options.grace_period, &mut finished).await.is_err() {
            tracing::warn!(grace_period = ?options.grace_period, "requests still run after the grace period and are cut off");
            abort.cancel();
            finished.await;
        }
    }

    /// The next connection, once there is room for it. Errors of the operating system (no file descriptors left) are waited out.
    async fn accept(&self, slots: &Arc<Semaphore>, backoff: &mut Backoff) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
        loop {
            match self.socket.accept().await {
                Ok((socket, remote)) => {
                    backoff.reset();
                    return (socket, remote, slot);
                }
                Err(error) => {
                    if let Some(pause) = backoff.after(&error) {
                        tracing::warn!(%error, ?pause, "cannot accept connections");
                        tokio::time::sleep(pause).await;
                    }
                }
            }
        }
    }
}
