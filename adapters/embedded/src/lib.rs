//! Finds or installs PostgreSQL and runs a private cluster.
//!
//! [`find_or_install`] answers with [`Binaries`]; [`Cluster::start`] makes a cluster of them under a data folder, once, and keeps it running until
//! [`Cluster::stop`]. A program that starts clusters calls [`run_launcher_if_asked`] first thing in `main`.

mod address;
mod binaries;
mod child;
mod cluster;
mod error;
mod fetch;
mod find;
mod folders;
mod initdb;
mod install_error;
mod launcher;
mod local;
mod lock;
mod log;
mod options;
mod orphan;
mod password;
mod port;
mod psql;
mod recovery;
mod server;
mod supervisor;
mod unpack;
mod user;
mod wheel;

pub use address::Address;
pub use binaries::{Binaries, BinarySource};
pub use cluster::Cluster;
pub use error::ClusterError;
pub use find::{FindOptions, find_or_install};
pub use folders::pgdata;
pub use install_error::{InstallError, Looked};
pub use launcher::{Launcher, run_launcher_if_asked};
pub use options::{ClusterOptions, ClusterState};
pub use psql::{NoPsql, become_psql};

/// The cluster's superuser.
pub const SUPERUSER: &str = "fluxbase";
