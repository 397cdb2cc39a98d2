//! The real binary, serving a database of its own, and what tests ask of it.

mod answer;
mod ask;
mod place;
mod process;
mod settings;
mod wait;

pub use answer::Answer;
pub use ask::as_key;
pub use process::become_tethered;
pub use settings::{FailedStart, ServerSettings};
pub use wait::eventually;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use place::Place;
use serde::Deserialize;
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::{
    collections::HashMap,
    fs, io,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};
use tokio::sync::OnceCell;

/// A running Fluxbase with an embedded PostgreSQL and a folder of its own. Dropping it kills it; so does the end of the test process.
#[derive(Debug)]
pub struct TestServer {
    settings: ServerSettings,
    process: Option<Child>,
    ready: Ready,
    keys: HashMap<String, String>,
    http: reqwest::Client,
    place: Place,
}

/// What the server writes once it answers.
#[derive(Clone, Debug, Deserialize)]
struct Ready {
    url: String,
    mcp_url: String,
    pid: i32,
    data_dir: PathBuf,
}

impl TestServer {
    /// Starts one with the demo data. See [`ServerSettings`] for others.
    pub async fn start() -> Self {
        ServerSettings::new().start().await
    }

    /// The one that the tests of this binary share, with the demo data: for tests that only read, or only change rows that they made.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<TestServer> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// Where it answers: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.ready.url
    }

    /// Where its MCP endpoint is.
    pub fn mcp_url(&self) -> &str {
        &self.ready.mcp_url
    }

    /// The process.
    pub fn pid(&self) -> i32 {
        self.ready.pid
    }

    /// Its data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.ready.data_dir.clone()
    }

    /// The key of a demo user: `alice` or `bob`.
    pub fn key(&self, user: &str) -> &str {
        let email = format!("{user}@example.com");
        self.keys.get(&email).unwrap_or_else(|| panic!("the first start printed no key for {email}"))
    }

    /// The local owner's service key.
    pub fn owner_key(&self) -> String {
        let key = fs::read_to_string(self.data_dir().join("owner-key")).expect("the server wrote the owner's key");
        key.trim().to_owned()
    }

    /// What it wrote to standard error so far, over all its starts.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.place.stderr()).unwrap_or_default()
    }

    /// What it wrote to standard output so far, over all its starts.
    pub fn stdout(&self) -> String {
        fs::read_to_string(self.place.stdout()).unwrap_or_default()
    }

    /// The process of its PostgreSQL; `None` where there is none.
    pub fn postgres_pid(&self) -> Option<i32> {
        let file = fs::read_to_string(self.data_dir().join("postgres/postmaster.pid")).ok()?;
        let pid = file.lines().next()?.trim().parse().ok()?;
        is_alive(pid).then_some(pid)
    }

    /// Runs a command of the same binary on this server's data folder: `server.cli(&["branch", "list"])`.
    pub async fn cli(&self, arguments: &[&str]) -> Output {
        self.cli_with(arguments, &[]).await
    }

    /// The same with further variables in its environment.
    pub async fn cli_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = self.command(self.place.path(), arguments);
        command.envs(environment.iter().copied());
        ran(move || command.output()).await
    }

    /// The same from a folder, such as a project's.
    pub async fn cli_in(&self, folder: &Path, arguments: &[&str]) -> Output {
        let mut command = self.command(folder, arguments);
        ran(move || command.output()).await
    }

    /// The same as [`TestServer::cli_with`], with something on standard input.
    pub async fn cli_fed(&self, arguments: &[&str], environment: &[(&str, &str)], input: &'static [u8]) -> Output {
        let mut command = self.command(self.place.path(), arguments);
        command.envs(environment.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        ran(move || {
            let mut child = command.spawn()?;
            io::Write::write_all(&mut child.stdin.take().expect("it is a pipe"), input)?;
            child.wait_with_output()
        })
        .await
    }

    fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = process::command(process::fluxbase_program());
        command.args(arguments).current_dir(folder).env("HOME", folder).env("FLUXBASE_DATA_DIR", self.data_dir());
        command
    }

    /// What a command prints, as JSON. It must succeed.
    pub async fn cli_json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.cli(&[arguments, &["-o", "json"]].concat()).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output:?}"))
    }

    /// Main's database as its owner, a superuser, at the URL that `fluxbase db url` prints.
    pub async fn superuser(&self) -> PgPool {
        let url = self.cli_json(&["db", "url"]).await["url"].as_str().expect("it prints a URL").to_owned();
        let options = PgPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(20));
        options.connect(&url).await.unwrap_or_else(|error| panic!("main's database can be reached: {error}"))
    }

    /// Stops it as a service manager would, and waits; it must end well and take its PostgreSQL with it.
    pub async fn stop(&mut self) {
        let postgres = self.postgres_pid();
        self.signal(Signal::SIGTERM);
        let status = self.ended().await;
        assert_eq!(status.code(), Some(0), "{status}; it said:\n{}", self.stderr());
        assert!(!postgres.is_some_and(is_alive), "PostgreSQL outlived its server");
    }

    /// Kills it with no warning, and waits until its PostgreSQL is gone too.
    pub async fn kill(&mut self) {
        let postgres = self.postgres_pid();
        self.signal(Signal::SIGKILL);
        let status = self.ended().await;
        assert_eq!(status.signal(), Some(Signal::SIGKILL as i32), "{status}");
        eventually("PostgreSQL ends with its server", Duration::from_secs(10), async || !postgres.is_some_and(is_alive)).await;
    }

    /// Sends a signal to it.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("the server runs");
    }

    /// Waits until it has ended by itself or by a signal.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the server was started");
        tokio::task::spawn_blocking(move || process.wait().expect("it is our child")).await.expect("waiting does not panic")
    }

    /// Starts it again on the same data folder, after stopping it where it runs. Port and process are new, keys and rows are not.
    pub async fn restart(&mut self) {
        self.try_restart().await.unwrap_or_else(|failed| panic!("{failed}"));
    }

    /// The same, where the start may fail.
    pub async fn try_restart(&mut self) -> Result<(), FailedStart> {
        if self.process.is_some() {
            self.stop().await;
        }
        let (process, ready) = self.settings.launch(&self.place).await?;
        (self.process, self.ready) = (Some(process), ready);
        Ok(())
    }

    /// Other settings from the next [`Self::restart`] on.
    pub fn reconfigure(&mut self, change: impl FnOnce(ServerSettings) -> ServerSettings) {
        self.settings = change(self.settings.clone());
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let postgres = self.postgres_pid();
            let _ = process.kill();
            let _ = process.wait();
            if std::thread::panicking() {
                eprintln!("the server said (its folder is {}):\n{}", self.place.path().display(), self.stderr());
            }
            // It dies at once, but its files are to be removed.
            for _ in 0..500 {
                if !postgres.is_some_and(is_alive) {
                    break;
                }
                std::thread::sleep(wait::POLL);
            }
        }
    }
}

async fn ran(run: impl FnOnce() -> io::Result<Output> + Send + 'static) -> Output {
    tokio::task::spawn_blocking(run).await.expect("running does not panic").expect("the binary runs")
}

/// Whether a process runs. One that ended and was not waited for does not.
fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    match stat {
        Ok(stat) => !stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('Z')),
        Err(_) => !fs::exists("/proc/self/stat").unwrap_or(false) && kill(Pid::from_raw(pid), None).is_ok(),
    }
}

/// The keys that the first start prints, by the user's address.
fn printed_keys(stdout: &str) -> HashMap<String, String> {
    let pair = |line: &str| {
        let mut words = line.split_whitespace();
        let (email, key) = (words.next()?, words.next()?);
        (email.contains('@') && key.starts_with("fb_pk_") && words.next().is_none()).then(|| (email.to_owned(), key.to_owned()))
    };
    stdout.lines().filter_map(pair).collect()
}
