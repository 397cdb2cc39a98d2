//! The private cluster: started, watched, stopped.

use std::{path::Path, thread::JoinHandle};

use secrecy::SecretString;
use tokio::sync::{oneshot, watch};

use crate::{
    address::Address,
    binaries::Binaries,
    error::ClusterError,
    initdb::{self, Found},
    options::{ClusterOptions, ClusterState},
    supervisor,
};

/// A running private cluster. Dropping it stops the server too, blocking for the moment that takes; [`Cluster::stop`] is kinder to a runtime.
#[derive(Debug)]
pub struct Cluster {
    address: Address,
    binaries: Binaries,
    state: watch::Receiver<ClusterState>,
    owner: Owner,
}

impl Cluster {
    /// Makes the cluster if there is none, starts it, and waits until it accepts connections.
    ///
    /// Cancelled, it undoes itself: the server is stopped and the data folder let go.
    pub async fn start(options: ClusterOptions) -> Result<Self, ClusterError> {
        let binaries = options.binaries.clone();
        let (stop, stopped) = oneshot::channel();
        let (started, start) = oneshot::channel();
        let (tell, state) = watch::channel(ClusterState::Starting);
        let thread = std::thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || supervisor::run(&options, started, &tell, stopped))
            .map_err(|error| ClusterError::ThreadGone(Some(error)))?;
        // Given up here, `stop` is dropped, and the thread ends.
        let address = start.await.map_err(|_| ClusterError::ThreadGone(None))??;
        Ok(Self { address, binaries, state, owner: Owner { stop: Some(stop), thread: Some(thread) } })
    }

    /// The major version that made the data in `data_dir`, for [`crate::FindOptions::major`]; `None` where there is none yet.
    pub fn major_of(data_dir: &Path) -> Result<Option<u32>, ClusterError> {
        Ok(match initdb::look(data_dir)? {
            Found::Nothing => None,
            Found::Cluster { major, .. } => Some(major),
        })
    }

    /// Where it is reached.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The superuser's URL for one database.
    pub fn superuser_url(&self, database: &str) -> SecretString {
        self.address.superuser_url(database)
    }

    /// The port on 127.0.0.1; it stays the same when the server is started again, and from run to run where nobody else has taken it.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The folder of the Unix socket; `None` where the data folder's path is too long for one.
    pub fn socket_dir(&self) -> Option<&Path> {
        self.address.socket_dir()
    }

    /// The server's process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        match *self.state.borrow() {
            ClusterState::Running { pid } => Some(pid),
            _ => None,
        }
    }

    /// The installation it runs on.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// How the server is, now and from now on.
    pub fn state(&self) -> watch::Receiver<ClusterState> {
        self.state.clone()
    }

    /// Stops the server: open transactions are rolled back, everything committed is written, the data folder is let go.
    pub async fn stop(mut self) {
        self.owner.stop.take();
        // Ends when the state's sender is gone, which is the thread's last act.
        let _ = self.state.wait_for(|state| *state == ClusterState::Stopped).await;
    }
}

/// The thread that runs the server, and the means to end it: it ends when the sender is dropped.
#[derive(Debug)]
struct Owner {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // It catches its own failures; a panic in it was printed already.
            let _ = thread.join();
        }
    }
}
