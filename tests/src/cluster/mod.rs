//! One PostgreSQL for all test binaries: the first one starts its keeper, and the keeper ends it when the last one is gone, however that came about.

mod database;
mod folder;
mod foreign;
mod keeper;

pub use database::TestDatabase;
pub use foreign::{ENCRYPTION_KEY, ForeignCluster, Owner};
pub use keeper::keep_cluster;

pub(crate) use folder::{installation, installations, scratch};

use folder::Folder;
use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    thread,
    time::Duration,
};
use tokio::sync::OnceCell;
use url::Url;

/// What ties a further PostgreSQL to a test process, whose `main` is not ours.
fn launcher() -> embedded::Launcher {
    embedded::Launcher::Program(Folder::keeper_program())
}

/// The PostgreSQL that this process shares with the others.
#[derive(Debug)]
pub struct TestCluster {
    /// Of the superuser, to the database `postgres`.
    url: Url,
    /// A shared lock: while anybody has one, the keeper keeps. The kernel takes it back when this process ends.
    _use: File,
}

impl TestCluster {
    /// Joins the cluster; whoever comes first waits for a few seconds, and for a download on a machine that has no PostgreSQL yet.
    ///
    /// `FLUXBASE_TEST_POSTGRES_BIN` names the installation to run instead of the usual one.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<TestCluster> = OnceCell::const_new();
        let join = || async { tokio::task::spawn_blocking(Self::join).await.expect("the cluster can be joined") };
        SHARED.get_or_init(join).await
    }

    /// A fresh database of the caller's own, gone when dropped.
    pub async fn database() -> TestDatabase {
        TestDatabase::create(&Self::shared().await.url).await
    }

    /// The superuser's URL of one database.
    pub fn url(&self, database: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(database);
        url
    }

    fn join() -> Self {
        let folder = Folder::of_this_build();
        let mine = folder.lock_file("users");
        mine.lock_shared().expect("locks work in the target folder");
        let url = address(&folder);
        Self { url: Url::parse(&url).expect("the keeper writes a URL"), _use: mine }
    }
}

/// The address of the running keeper's cluster. One process at a time looks, so that only one starts a keeper.
fn address(folder: &Folder) -> String {
    let turn = folder.lock_file("turn");
    turn.lock().expect("locks work in the target folder");
    loop {
        if !folder.is_kept() {
            start_keeper(folder);
        }
        if let Ok(address) = fs::read_to_string(folder.address_file()) {
            return address;
        }
        // A keeper that was started by a process that is gone is still starting.
        thread::sleep(Duration::from_millis(20));
    }
}

/// Starts a keeper and waits until its cluster runs.
#[expect(clippy::disallowed_methods, reason = "the keeper must outlive this process")]
fn start_keeper(folder: &Folder) {
    // Left by a keeper that was killed.
    let _ = fs::remove_file(folder.address_file());
    let log = File::create(folder.log_file()).expect("the target folder is writable");
    let program = Folder::keeper_program();
    let mut keeper = Command::new(&program)
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        // Ctrl-C ends the tests; the keeper then tidies up.
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; cargo builds it for the tests of this package", program.display()));
    let mut line = String::new();
    let stdout = keeper.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).expect("the keeper can be listened to");
    // It ends after us as a rule; where it does not, nobody else would bury it.
    thread::spawn(move || keeper.wait());
    if line.trim() != keeper::READY {
        let said = fs::read_to_string(folder.log_file()).unwrap_or_default();
        panic!("no PostgreSQL for the tests:\n{said}");
    }
}
