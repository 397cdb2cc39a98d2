//! One run of the server: started, waited for, stopped.

use std::{
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStderr},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{binaries::Binaries, error::ClusterError, launcher::Launcher, log::Log, orphan::PidFile, recovery, user::RunAs};

/// How often the status file is looked at: it is 200 bytes, and starting takes a tenth of a second.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// A dead server's last words are in the pipe already.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Everything needed to start the server, again and again.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) binaries: Binaries,
    pub(crate) pgdata: PathBuf,
    pub(crate) socket_dir: Option<PathBuf>,
    pub(crate) user: RunAs,
    pub(crate) launcher: Launcher,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) start_timeout: Duration,
    pub(crate) stop_timeout: Duration,
    pub(crate) log: Arc<Mutex<Log>>,
}

impl Server {
    /// Starts the server. To be called on the thread that lives as long as it should.
    pub(crate) fn spawn(&self, port: u16) -> Result<Running, ClusterError> {
        lock(&self.log).forget_tail();
        let program = self.binaries.program("postgres");
        // SIGINT is the fast shutdown: open transactions are rolled back, everything else is written.
        let mut command = self.launcher.command(&program, &self.user, Signal::SIGINT);
        command.arg("-D").arg(&self.pgdata);
        for (name, value) in self.fixed_settings(port).iter().chain(&self.settings) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = tokio::process::Command::from(command).spawn().map_err(|source| ClusterError::NotRunnable { program, source })?;
        let said = child.stderr.take();
        Ok(Running { pid: child.id().map_or(0, u32::cast_signed), port, child, listener: tokio::spawn(keep(said, Arc::clone(&self.log))) })
    }

    fn fixed_settings(&self, port: u16) -> Vec<(String, String)> {
        let socket_dir = self.socket_dir.as_ref().map(|dir| dir.display().to_string());
        let sync = recovery::sync_method().map(|method| ("recovery_init_sync_method".to_owned(), method.to_owned()));
        let fixed = [
            ("listen_addresses", "127.0.0.1"),
            ("port", &port.to_string()),
            // A comma would end the path and a double quote is how PostgreSQL keeps it.
            ("unix_socket_directories", &socket_dir.map_or_else(String::new, |dir| format!("\"{}\"", dir.replace('"', "\"\"")))),
            ("unix_socket_permissions", "0700"),
            ("password_encryption", "scram-sha-256"),
            ("shared_buffers", "128MB"),
            // What it says comes to us by a pipe. It must not hold people's rows or statements.
            ("log_destination", "stderr"),
            ("logging_collector", "off"),
            ("log_statement", "none"),
            ("log_min_error_statement", "panic"),
            ("log_error_verbosity", "terse"),
            ("lc_messages", "C"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        fixed.into_iter().chain(sync).collect()
    }

    /// Waits until the server accepts connections.
    pub(crate) async fn ready(&self, running: &mut Running) -> Result<(), ClusterError> {
        match timeout(self.start_timeout, self.ready_or_ended(running)).await {
            Ok(Ok(None)) => Ok(()),
            Ok(Ok(Some(status))) => {
                running.hear_out().await;
                Err(self.why_ended(running.port, status))
            }
            Ok(Err(source)) => Err(ClusterError::ThreadGone(Some(source))),
            Err(_) => Err(ClusterError::TooSlow { after: self.start_timeout, output: lock(&self.log).tail() }),
        }
    }

    async fn ready_or_ended(&self, running: &mut Running) -> io::Result<Option<ExitStatus>> {
        loop {
            let said_by_it = PidFile::read(&self.pgdata).filter(|found| found.pid == running.pid);
            if said_by_it.is_some_and(|found| found.is_ready()) {
                return Ok(None);
            }
            tokio::select! {
                status = running.child.wait() => return status.map(Some),
                () = sleep(LOOK_AGAIN) => {}
            }
        }
    }

    fn why_ended(&self, port: u16, status: ExitStatus) -> ClusterError {
        let output = lock(&self.log).tail();
        if output.contains("could not create any TCP/IP sockets") { ClusterError::PortTaken { port } } else { ClusterError::Ended { status, output } }
    }

    /// Stops it: politely fast, then at once, then by force.
    pub(crate) async fn stop(&self, mut running: Running) {
        for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGKILL] {
            // Not yet waited for, so the number is still its own.
            if running.child.id().is_none() || kill(Pid::from_raw(running.pid), signal).is_err() {
                break;
            }
            if timeout(self.stop_timeout, running.child.wait()).await.is_ok() {
                break;
            }
            tracing::warn!(pid = running.pid, signal = signal.as_str(), "PostgreSQL did not stop in time");
        }
        running.hear_out().await;
    }

    /// The last the server said.
    pub(crate) fn last_words(&self) -> String {
        lock(&self.log).tail()
    }
}

/// A started server.
#[derive(Debug)]
pub(crate) struct Running {
    pid: i32,
    port: u16,
    child: Child,
    listener: JoinHandle<()>,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.pid.cast_unsigned()
    }

    /// Waits for the last words. Processes that outlive the server may keep the pipe open, so not for ever.
    async fn hear_out(&mut self) {
        if !self.listener.is_finished() {
            let _ = timeout(LAST_WORDS, &mut self.listener).await;
        }
    }

    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

async fn keep(said: Option<ChildStderr>, log: Arc<Mutex<Log>>) {
    let Some(mut said) = said else { return };
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(length @ 1..) = said.read(&mut buffer).await {
        lock(&log).take(&buffer[..length]);
    }
}

fn lock(log: &Mutex<Log>) -> std::sync::MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}
