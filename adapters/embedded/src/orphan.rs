//! What may be left of a server of an earlier run, still using the data: found and stopped.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::{sleep, timeout};

use crate::error::ClusterError;

/// What a server writes into its data folder about itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PidFile {
    pub(crate) pid: i32,
    pub(crate) port: u16,
    pub(crate) socket_dir: Option<PathBuf>,
    status: String,
}

const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl PidFile {
    /// `None` where there is none, or it is not yet written to its end.
    pub(crate) fn read(pgdata: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(pgdata.join("postmaster.pid")).ok()?)
    }

    /// Lines: pid, data folder, start time, port, socket folder, address, shared memory, status.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let line = |index: usize| lines.get(index).copied().unwrap_or_default();
        Some(Self {
            // A single-user server writes its number negative.
            pid: line(0).parse::<i32>().ok()?.checked_abs().filter(|pid| *pid > 1)?,
            port: line(3).parse().unwrap_or_default(),
            socket_dir: Some(line(4)).filter(|dir| !dir.is_empty()).map(PathBuf::from),
            status: line(7).to_owned(),
        })
    }

    /// Whether the server said that it accepts connections.
    pub(crate) fn is_ready(&self) -> bool {
        self.status == "ready"
    }

    /// Whether the process is alive and really a server on `pgdata`: process numbers are used again.
    pub(crate) fn is_of(&self, pgdata: &Path) -> bool {
        fs::canonicalize(pgdata).is_ok_and(|pgdata| works_in(self.pid, &pgdata))
    }
}

/// A server and everything it starts work in the data folder. So may somebody's shell, which is none of our business.
#[cfg(target_os = "linux")]
fn works_in(pid: i32, pgdata: &Path) -> bool {
    let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}"));
    // The kernel adds ` (deleted)` where an upgrade replaced the program.
    let is_postgres = |program: PathBuf| program.file_name().is_some_and(|name| name == "postgres" || name == "postgres (deleted)");
    link("cwd").is_ok_and(|folder| folder == pgdata) && link("exe").is_ok_and(is_postgres)
}

/// We name the data folder on the server's command line.
#[cfg(not(target_os = "linux"))]
fn works_in(pid: i32, pgdata: &Path) -> bool {
    let listed = crate::child::command("ps").args(["-o", "command=", "-p", &pid.to_string()]).output();
    listed.is_ok_and(|listed| String::from_utf8_lossy(&listed.stdout).contains(&*pgdata.to_string_lossy()))
}

/// Every process of a server on `pgdata`, whether or not the server itself is still there.
///
/// One in the middle of a long query does not notice that its server was killed, and keeps another from starting.
#[cfg(target_os = "linux")]
fn processes_on(pgdata: &Path, _server: Option<i32>) -> Vec<i32> {
    let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = all.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| works_in(*pid, pgdata)).collect()
}

/// Elsewhere only the server itself can be told from other processes. What it leaves behind is waited for.
#[cfg(not(target_os = "linux"))]
fn processes_on(pgdata: &Path, server: Option<i32>) -> Vec<i32> {
    server.into_iter().filter(|pid| works_in(*pid, pgdata)).collect()
}

/// Stops what is left over of a server on `pgdata`, and clears away the file that would keep a new one from starting.
///
/// Stopped rather than adopted: it may be of other settings or binaries, and nobody would be told of its end. The caller holds the lock.
pub(crate) async fn clear(pgdata: &Path, patience: Duration) -> Result<(), ClusterError> {
    let file = pgdata.join("postmaster.pid");
    let server = PidFile::read(pgdata).map(|found| found.pid);
    let Ok(real) = fs::canonicalize(pgdata) else { return Ok(()) };

    // The server alone is asked first: it ends all others in good order.
    if let Some(server) = server.filter(|pid| works_in(*pid, &real)) {
        tracing::warn!(pid = server, "stopping a PostgreSQL that an earlier run left behind");
        signal(server, Signal::SIGINT);
        let _ = timeout(patience, until_gone(&real, server)).await;
    }
    for harsher in [Signal::SIGQUIT, Signal::SIGKILL] {
        let _ = timeout(patience, end_all(&real, server, harsher)).await;
    }
    if let Some(pid) = processes_on(&real, server).first() {
        return Err(ClusterError::StillRunning { pid: *pid });
    }
    // It may name a number that another program has by now, or one that is dead and not yet buried. PostgreSQL would take either for a server.
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ClusterError::not_writable(file)(error)),
        _ => Ok(()),
    }
}

async fn until_gone(pgdata: &Path, server: i32) {
    while !processes_on(pgdata, Some(server)).is_empty() {
        sleep(LOOK_AGAIN).await;
    }
}

/// Again and again, since a dying server may just have started another process.
async fn end_all(pgdata: &Path, server: Option<i32>, how: Signal) {
    loop {
        let left = processes_on(pgdata, server);
        if left.is_empty() {
            return;
        }
        for pid in left {
            signal(pid, how);
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn signal(pid: i32, signal: Signal) {
    // It may have ended by itself in the meantime, which is what we want.
    let _ = kill(Pid::from_raw(pid), signal);
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &str = "4711\n/d/postgres\n1700000000\n5433\n/d/run\n127.0.0.1\n  123 4\nready   \n";

    #[test]
    fn the_file_is_read() {
        let found = PidFile::parse(READY).unwrap();
        assert_eq!((found.pid, found.port), (4711, 5433));
        assert_eq!(found.socket_dir.as_deref(), Some(Path::new("/d/run")));
        assert!(found.is_ready());
        assert!(!PidFile::parse(&READY.replace("ready", "starting")).unwrap().is_ready());
        assert!(!PidFile::parse("4711\n/d/postgres\n").unwrap().is_ready());
        for broken in ["", "\n", "0\n", "1\n", "x\n", "-2147483648\n"] {
            assert_eq!(PidFile::parse(broken), None, "{broken:?}");
        }
    }

    #[tokio::test]
    async fn a_process_that_is_no_server_here_is_left_alone_and_the_file_removed() {
        let pgdata = tempfile::tempdir().unwrap();
        let file = pgdata.path().join("postmaster.pid");
        fs::write(&file, READY.replace("4711", &std::process::id().to_string())).unwrap();
        clear(pgdata.path(), Duration::from_secs(1)).await.unwrap();
        assert!(!file.exists());
    }
}
