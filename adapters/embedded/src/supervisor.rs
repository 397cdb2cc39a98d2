//! The thread that owns the server: makes everything ready, starts it, starts it again when it dies alone, stops it when asked.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep},
};

use crate::{
    address::Address,
    error::ClusterError,
    folders::{is_empty_but_for, make_dirs, pgdata},
    initdb::{self, Found},
    lock::{DataLock, LOCK_FILE},
    log::Log,
    options::{ClusterOptions, ClusterState},
    orphan, password, port,
    server::{Running, Server},
    user::{RunAs, name_of},
};

/// A port may be taken between being chosen and being used.
const PORT_ATTEMPTS: usize = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A server that ran this long has got over whatever ended the one before.
const STEADY_AFTER: Duration = Duration::from_mins(1);
/// `sun_path` holds 108 bytes with its final zero on Linux, 104 on macOS; a socket's name is `/.s.PGSQL.65535`.
const LONGEST_SOCKET_DIR: usize = 103 - "/.s.PGSQL.65535".len();

/// Who waits for the server's start.
pub(crate) type Started = oneshot::Sender<Result<Address, ClusterError>>;

/// Runs the cluster until `stop` is dropped or sent. The thread must be its own: the server ends with it.
pub(crate) fn run(options: &ClusterOptions, started: Started, state: &watch::Sender<ClusterState>, stop: oneshot::Receiver<()>) {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(supervise(options, started, state, stop)),
        Err(error) => drop(started.send(Err(ClusterError::ThreadGone(Some(error))))),
    }
    state.send_replace(ClusterState::Stopped);
}

async fn supervise(options: &ClusterOptions, started: Started, state: &watch::Sender<ClusterState>, mut stop: oneshot::Receiver<()>) {
    let house = tokio::select! {
        house = House::prepare(options) => house,
        _ = &mut stop => return,
    };
    let up = match house {
        Err(error) => Err(error),
        Ok(house) => match house.first_start(&mut stop).await {
            Err(error) => Err(error),
            Ok(None) => return,
            Ok(Some((running, port))) => Ok((house, running, port)),
        },
    };
    let (house, mut running, port) = match up {
        Ok(up) => up,
        Err(error) => return drop(started.send(Err(error))),
    };
    state.send_replace(ClusterState::Running { pid: running.pid() });
    // Nobody may be waiting any more; then `stop` is gone too.
    let _ = started.send(Ok(house.address(port)));

    let mut pauses = Pauses::default();
    loop {
        let begun = Instant::now();
        let ended = tokio::select! {
            ended = running.ended() => ended,
            _ = &mut stop => break house.server.stop(running).await,
        };
        state.send_replace(ClusterState::Restarting);
        tell_of_the_end(ended, &house.server);
        match house.start_again(port, begun.elapsed(), &mut pauses, &mut stop).await {
            Some(again) => running = again,
            None => break,
        }
        tracing::info!(pid = running.pid(), "PostgreSQL runs again");
        state.send_replace(ClusterState::Running { pid: running.pid() });
    }
}

fn tell_of_the_end(ended: io::Result<ExitStatus>, server: &Server) {
    let status = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
    tracing::error!(status, last_words = server.last_words(), "PostgreSQL ended by itself; starting it again");
}

/// A data folder made ready, and held.
struct House {
    data_dir: PathBuf,
    server: Server,
    password: secrecy::SecretString,
    _lock: DataLock,
}

impl House {
    async fn prepare(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let asked = std::path::absolute(&options.data_dir).map_err(ClusterError::not_writable(&options.data_dir))?;
        let is_new = !asked.exists();
        if is_new {
            // Before anything is made where it would be of no use.
            can_enter(&RunAs::choose()?, &asked)?;
        }
        make_dirs(&asked, 0o755).map_err(ClusterError::not_writable(&asked))?;
        let data_dir = fs::canonicalize(&asked).map_err(ClusterError::not_writable(&asked))?;
        let lock = DataLock::take(&data_dir)?;

        initdb::sweep(&data_dir);
        let found = initdb::look(&data_dir)?;
        let user = user_for(&found, &data_dir)?;
        open_the_way(&data_dir, &user, is_new)?;
        can_enter(&user, &data_dir)?;
        can_enter(&user, options.binaries.root())?;
        let run_dir = data_dir.join("run");
        make_dirs(&run_dir, 0o700).and_then(|()| user.give(&run_dir)).map_err(ClusterError::not_writable(&run_dir))?;

        let password = match found {
            Found::Nothing => {
                let password = password::make(&data_dir)?;
                initdb::make(&data_dir, &options.binaries, &user, &options.launcher, &password).await?;
                password
            }
            Found::Cluster { major, .. } if major != options.binaries.major() => {
                return Err(ClusterError::OtherMajor { path: pgdata(&data_dir), found: major, binaries: options.binaries.major() });
            }
            Found::Cluster { .. } => {
                let password = password::read(&data_dir)?;
                orphan::clear(&pgdata(&data_dir), options.stop_timeout).await?;
                empty(&run_dir).map_err(ClusterError::not_writable(&run_dir))?;
                password
            }
        };
        let log_path = data_dir.join("postgres.log");
        let log = Log::open(log_path.clone()).map_err(ClusterError::not_writable(log_path))?;
        let socket_fits = run_dir.as_os_str().len() <= LONGEST_SOCKET_DIR;
        Ok(Self {
            data_dir: data_dir.clone(),
            server: Server {
                binaries: options.binaries.clone(),
                pgdata: pgdata(&data_dir),
                socket_dir: socket_fits.then_some(run_dir),
                user,
                launcher: options.launcher.clone(),
                settings: options.all_settings(),
                start_timeout: options.start_timeout,
                stop_timeout: options.stop_timeout,
                log: Arc::new(Mutex::new(log)),
            },
            password,
            _lock: lock,
        })
    }

    fn address(&self, port: u16) -> Address {
        Address::new(port, self.server.socket_dir.clone(), self.password.clone())
    }

    /// Starts the server on the port that it had before, or on a free one; `None` when asked to stop meanwhile.
    async fn first_start(&self, stop: &mut oneshot::Receiver<()>) -> Result<Option<(Running, u16)>, ClusterError> {
        let (mut attempts, mut kept) = (0, port::kept(&self.data_dir));
        loop {
            attempts += 1;
            let port = kept.map_or_else(port::free, Ok).map_err(|error| ClusterError::ThreadGone(Some(error)))?;
            let again = match self.start(port, stop).await {
                Ok(running) => {
                    port::keep(&self.data_dir, port);
                    return Ok(running.map(|running| (running, port)));
                }
                Err(error @ ClusterError::PortTaken { .. }) => {
                    if kept.take().is_some() {
                        tracing::warn!(
                            port,
                            "somebody else has the port that the embedded PostgreSQL had: it takes another, and URLs with that one are good no more"
                        );
                    }
                    error
                }
                // A killed server's last processes may be a moment slower than it.
                Err(error @ ClusterError::Ended { .. }) if is_still_in_use(&error) => {
                    sleep(FIRST_PAUSE * 2u32.pow(attempts.min(5))).await;
                    error
                }
                Err(error) => return Err(error),
            };
            if attempts as usize >= PORT_ATTEMPTS {
                return Err(again);
            }
            tracing::debug!(error = %again, "starting PostgreSQL once more");
        }
    }

    /// Starts the server until it runs, on the port it had; `None` when asked to stop meanwhile.
    async fn start_again(&self, port: u16, mut ran: Duration, pauses: &mut Pauses, stop: &mut oneshot::Receiver<()>) -> Option<Running> {
        loop {
            tokio::select! {
                () = sleep(pauses.next(ran)) => {}
                _ = &mut *stop => return None,
            }
            let started = match orphan::clear(&self.server.pgdata, self.server.stop_timeout).await {
                Ok(()) => self.start(port, stop).await,
                Err(error) => Err(error),
            };
            match started {
                Ok(running) => return running,
                Err(error) => tracing::error!(%error, "PostgreSQL could not be started again"),
            }
            ran = Duration::ZERO;
        }
    }

    async fn start(&self, port: u16, stop: &mut oneshot::Receiver<()>) -> Result<Option<Running>, ClusterError> {
        let mut running = self.server.spawn(port)?;
        let ready = tokio::select! {
            ready = self.server.ready(&mut running) => ready,
            _ = stop => {
                self.server.stop(running).await;
                return Ok(None);
            }
        };
        match ready {
            Ok(()) => Ok(Some(running)),
            Err(error) => {
                self.server.stop(running).await;
                Err(error)
            }
        }
    }
}

fn is_still_in_use(error: &ClusterError) -> bool {
    matches!(error, ClusterError::Ended { output, .. } if output.contains("is still in use"))
}

/// An existing cluster goes on under its owner, whoever would be chosen today.
fn user_for(found: &Found, data_dir: &Path) -> Result<RunAs, ClusterError> {
    match found {
        Found::Nothing => Ok(RunAs::choose()?),
        Found::Cluster { owner, .. } => {
            RunAs::for_owner(*owner).ok_or_else(|| ClusterError::OtherOwner { path: pgdata(data_dir), owner: name_of(*owner) })
        }
    }
}

/// A killed server leaves its sockets, under another name each time.
fn empty(run_dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(run_dir)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}

fn can_enter(user: &RunAs, folder: &Path) -> Result<(), ClusterError> {
    match user.first_untraversable(folder) {
        None => Ok(()),
        Some(dir) => Err(ClusterError::NotTraversable { dir, user: user.to_string() }),
    }
}

/// Lets the lowered user through a data folder that is ours alone; one with other things in it is not ours to open.
fn open_the_way(data_dir: &Path, user: &RunAs, is_new: bool) -> Result<(), ClusterError> {
    use std::os::unix::fs::PermissionsExt;

    let is_ours = is_new || is_empty_but_for(data_dir, LOCK_FILE).map_err(ClusterError::not_writable(data_dir))?;
    if !is_ours {
        return Ok(());
    }
    let mode = match user {
        RunAs::Itself => 0o700,
        RunAs::Lowered { .. } => 0o711,
    };
    fs::set_permissions(data_dir, fs::Permissions::from_mode(mode)).map_err(ClusterError::not_writable(data_dir))
}

/// How long to wait before the next start: nothing at first, longer each time the server dies soon.
#[derive(Default)]
struct Pauses(Duration);

impl Pauses {
    /// `ran` is how long the server that just ended had run.
    fn next(&mut self, ran: Duration) -> Duration {
        let pause = if ran >= STEADY_AFTER { Duration::ZERO } else { self.0 };
        self.0 = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_forgotten_when_the_server_ran_for_a_while() {
        let mut pauses = Pauses::default();
        let grown: Vec<_> = (0..10).map(|_| pauses.next(Duration::from_secs(1)).as_millis()).collect();
        assert_eq!(grown, [0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(pauses.next(STEADY_AFTER), Duration::ZERO);
        assert_eq!(pauses.next(Duration::ZERO), FIRST_PAUSE);
    }
}
