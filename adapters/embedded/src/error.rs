//! Why a private cluster could not be made or started.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

use crate::user::NoUser;

/// Why a private cluster could not be made or started; each text says what to do where something can be done.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Another server holds the data folder.
    #[error("the data folder {} is in use by another Fluxbase{}; stop that one, or give this one another --data-dir", data_dir.display(), process(*pid))]
    InUse {
        /// The data folder.
        data_dir: PathBuf,
        /// The other server's process, where it could be read.
        pid: Option<u32>,
    },
    /// A file or folder below the data folder cannot be made or changed.
    #[error("{}", cannot_write(path, source))]
    NotWritable {
        /// The path that failed.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The user that PostgreSQL runs as cannot get to a folder.
    #[error(
        "PostgreSQL runs as user {user}, who may not enter {}; use a data folder elsewhere (such as /var/lib/fluxbase) or allow it: chmod o+x {}",
        dir.display(), dir.display()
    )]
    NotTraversable {
        /// The outermost folder that is closed.
        dir: PathBuf,
        /// The user.
        user: String,
    },
    /// We are root and there is nobody to become.
    #[error(transparent)]
    NoUser(#[from] NoUser),
    /// The cluster belongs to a user that we cannot become.
    #[error("the cluster in {} belongs to user {owner}; start as that user or as root, or give another --data-dir", path.display())]
    OtherOwner {
        /// The cluster's folder.
        path: PathBuf,
        /// Its owner.
        owner: String,
    },
    /// The cluster was made by another major version, whose files these binaries cannot read.
    #[error(
        "the cluster in {} was made by PostgreSQL {found}, and these binaries are {binaries}; install PostgreSQL {found} or set embedded.binaries to it, \
         or dump the data with it and load the dump into a new --data-dir",
        path.display()
    )]
    OtherMajor {
        /// The cluster's folder.
        path: PathBuf,
        /// The version that made it.
        found: u32,
        /// The version at hand.
        binaries: u32,
    },
    /// The folder holds something that is no cluster.
    #[error("{} is not empty and holds no PostgreSQL cluster (it has no readable PG_VERSION); move it away or give another --data-dir", path.display())]
    NotACluster {
        /// The cluster's folder.
        path: PathBuf,
    },
    /// The superuser's password is gone.
    #[error("{} is missing or cannot be read, and the cluster's superuser cannot sign in without it; put it back from a backup", path.display())]
    PasswordMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A server of an earlier run does not end.
    #[error("PostgreSQL process {pid} of an earlier run still uses the data and does not stop")]
    StillRunning {
        /// Its process.
        pid: i32,
    },
    /// A program could not be run at all.
    #[error("cannot run {}: {source}", program.display())]
    NotRunnable {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("initdb could not make a cluster{}: {output}", disk_full(output))]
    InitFailed {
        /// What it said.
        output: String,
    },
    /// The port was taken by somebody else.
    #[error("port {port} on 127.0.0.1 was taken by another program")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// The server ended before it accepted connections.
    #[error("PostgreSQL ended while starting ({status}){}: {output}", disk_full(output))]
    Ended {
        /// How.
        status: ExitStatus,
        /// The last it said.
        output: String,
    },
    /// The server takes too long.
    #[error("PostgreSQL was not ready after {} s; the last it said: {output}", after.as_secs())]
    TooSlow {
        /// How long it was given.
        after: Duration,
        /// The last it said.
        output: String,
    },
    /// The thread that owns the server could not be started, or ended unexpectedly.
    #[error("the thread that runs PostgreSQL is gone")]
    ThreadGone(#[source] Option<io::Error>),
}

impl ClusterError {
    pub(crate) fn not_writable(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::NotWritable { path, source }
    }
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

fn cannot_write(path: &std::path::Path, source: &io::Error) -> String {
    let path = path.display();
    match source.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("this user may not write {path}; change its owner, or give another --data-dir")
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            format!("{path} is on a read-only file system; give another --data-dir")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("no space is left for {path}; free some, or give another --data-dir")
        }
        _ => format!("cannot write {path}: {source}"),
    }
}

fn disk_full(output: &str) -> &'static str {
    // The second is how PostgreSQL puts a write that was cut short.
    if output.contains("No space left on device") || output.contains("Check free disk space") {
        ", since no space is left on the disk of the data folder"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_or_read_only_disk_is_named_as_such() {
        let text = |code| ClusterError::not_writable("/d")(io::Error::from_raw_os_error(code)).to_string();
        assert!(text(nix::libc::ENOSPC).starts_with("no space is left for /d"));
        assert!(text(nix::libc::EROFS).starts_with("/d is on a read-only file system"));
        assert!(text(nix::libc::EACCES).starts_with("this user may not write /d"));

        let output = "FATAL: could not write: No space left on device".to_owned();
        assert!(ClusterError::InitFailed { output }.to_string().contains("no space is left on the disk"));
    }
}
