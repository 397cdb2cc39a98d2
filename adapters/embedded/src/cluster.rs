//! The private cluster: started, watched, stopped.

use std::{
    num::NonZeroU16,
    path::{Path, PathBuf},
    thread::JoinHandle,
    time::Duration,
};

use secrecy::SecretString;
use tokio::sync::{oneshot, watch};

use crate::{
    address::Address,
    binaries::Binaries,
    error::ClusterError,
    initdb::{self, Found},
    launcher::Launcher,
    supervisor,
};

/// Where in a data folder PostgreSQL's own files are.
pub(crate) fn pgdata(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres")
}

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Holds everything: `postgres/`, `run/` (the socket), `secrets/`, `postgres.log`, `lock`. Made if missing.
    pub data_dir: PathBuf,
    /// The installation to run.
    pub binaries: Binaries,
    /// PostgreSQL's `max_connections`.
    pub max_connections: NonZeroU16,
    /// Further settings, which win over everything: `("fsync", "off")` for tests.
    pub settings: Vec<(String, String)>,
    /// How the server is tied to this process.
    pub launcher: Launcher,
    /// How long a start may take; recovering from a crash can take minutes.
    pub start_timeout: Duration,
    /// How long each way of stopping may take before a harsher one.
    pub stop_timeout: Duration,
}

impl ClusterOptions {
    /// The defaults.
    pub fn new(data_dir: impl Into<PathBuf>, binaries: Binaries) -> Self {
        Self {
            data_dir: data_dir.into(),
            binaries,
            max_connections: NonZeroU16::new(200).expect("200 is not 0"),
            settings: Vec::new(),
            launcher: Launcher::default(),
            start_timeout: Duration::from_mins(5),
            stop_timeout: Duration::from_secs(10),
        }
    }

    pub(crate) fn all_settings(&self) -> Vec<(String, String)> {
        let own = ("max_connections".to_owned(), self.max_connections.to_string());
        std::iter::once(own).chain(self.settings.iter().cloned()).collect()
    }
}

/// How the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterState {
    /// Not ready for the first time yet.
    Starting,
    /// It accepts connections.
    Running {
        /// Its process.
        pid: u32,
    },
    /// It died alone and is being started again, on the same port.
    Restarting,
    /// It was stopped, and the data folder is free.
    Stopped,
}

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

    /// The port on 127.0.0.1; it stays the same when the server is started again.
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
