//! How a server is started.

use super::{
    Ready, TestServer,
    place::{Place, postgresql},
    printed_keys, process, wait,
};
use std::{
    fmt,
    fs::{self, OpenOptions},
    process::{Child, Stdio},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How long a start may take on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// What a server is started with: the demo data and, other than in real life, no rate limit, unless a test says so.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerSettings {
    /// What is usual for tests.
    pub fn new() -> Self {
        Self { variables: Vec::new(), arguments: Vec::new() }.set("mcp.rate_limit_per_min", "0")
    }

    /// One setting, by its dotted key; the last word on a key counts.
    #[must_use]
    pub fn set(self, key: &str, value: &str) -> Self {
        self.variable(&format!("FLUXBASE_{}", key.replace('.', "__").to_uppercase()), value)
    }

    /// A variable of its environment, such as `FLUXBASE_FAILPOINT`.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without that variable.
    #[must_use]
    pub fn without_variable(mut self, name: &str) -> Self {
        self.variables.retain(|(found, _)| found != name);
        self
    }

    /// A further argument of `fluxbase serve`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Starts a server in a fresh folder, and waits until it answers.
    pub async fn start(self) -> TestServer {
        self.try_start().await.unwrap_or_else(|failed| panic!("{failed}"))
    }

    /// The same, where the start may fail.
    pub async fn try_start(self) -> Result<TestServer, FailedStart> {
        let place = tokio::task::spawn_blocking(Place::fresh).await.expect("the folder can be made");
        let (process, ready) = self.launch(&place).await?;
        let keys = printed_keys(&fs::read_to_string(place.stdout()).unwrap_or_default());
        // Another test may have been quicker.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Each test has a runtime of its own, and a kept connection would end with the first one's.
        let http =
            reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().timeout(Duration::from_mins(1)).build().expect("a client needs nothing");
        Ok(TestServer { settings: self, process: Some(process), ready, keys, http, place })
    }

    /// Starts the binary on the data folder of this place.
    pub(super) async fn launch(&self, place: &Place) -> Result<(Child, Ready), FailedStart> {
        let binaries = tokio::task::spawn_blocking(postgresql).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let _ = fs::remove_file(place.ready_file());
        let written_to = |path| OpenOptions::new().create(true).append(true).open(path).expect("the folder is ours");
        let mut command = process::tethered(process::fluxbase_program());
        command
            .args(["serve", "--address", "127.0.0.1:0", "--ready-file"])
            .arg(place.ready_file())
            .args(&self.arguments)
            .current_dir(place.path())
            .env("HOME", place.path())
            .env("FLUXBASE_DATA_DIR", place.data_dir())
            .env("FLUXBASE_EMBEDDED__BINARIES", binaries)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(written_to(place.stdout()))
            .stderr(written_to(place.stderr()));
        let said_before = fs::metadata(place.stderr()).map_or(0, |file| file.len());
        let child = process::spawn(command).unwrap_or_else(|error| panic!("the binary starts: {error}"));
        wait_until_ready(child, place, usize::try_from(said_before).expect("logs are small")).await
    }
}

async fn wait_until_ready(mut child: Child, place: &Place, said_before: usize) -> Result<(Child, Ready), FailedStart> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        // It is renamed into its place, so it is there whole or not at all.
        if let Ok(text) = fs::read(place.ready_file()) {
            return Ok((child, serde_json::from_slice(&text).expect("the ready file is JSON")));
        }
        let ended = child.try_wait().expect("it is our child");
        if ended.is_some() || Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            let stderr = fs::read_to_string(place.stderr()).unwrap_or_default();
            return Err(FailedStart { code: ended.and_then(|status| status.code()), stderr: stderr[said_before..].to_owned() });
        }
        sleep(wait::POLL).await;
    }
}

/// Why there is no server.
#[derive(Clone, Debug)]
pub struct FailedStart {
    /// Its exit code; `None` where it was killed, or did not answer in time.
    pub code: Option<i32>,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl fmt::Display for FailedStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "the server ended with {code} before it answered; it said:")?,
            None => writeln!(f, "the server did not answer within {DEADLINE:?}; it said:")?,
        }
        f.write_str(&self.stderr)
    }
}
