//! What a cluster is made of, and how it can be.

use std::{num::NonZeroU16, path::PathBuf, time::Duration};

use crate::{binaries::Binaries, launcher::Launcher};

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Holds everything: `postgres/`, `run/` (the socket), `secrets/`, `postgres.log`, `postgres.port`, `lock`. Made if missing.
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
