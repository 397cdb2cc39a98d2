//! The folder of one server, and the PostgreSQL that all of them run.

use crate::cluster::{installation, installations, scratch};
use embedded::{FindOptions, find_or_install};
use nix::{sys::signal::kill, unistd::Pid};
use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// A folder of one server's own, gone when dropped. PostgreSQL runs as another user below it when we are root, so others may pass through.
#[derive(Debug)]
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn fresh() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        static SWEPT: OnceLock<()> = OnceLock::new();
        let servers = scratch().join("servers");
        SWEPT.get_or_init(|| sweep(&servers));
        let folder = servers.join(format!("{}-{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
        let _ = fs::remove_dir_all(&folder);
        fs::DirBuilder::new().recursive(true).mode(0o711).create(&folder).expect("the target folder is writable");
        for passed in [&servers, &folder] {
            fs::set_permissions(passed, fs::Permissions::from_mode(0o711)).expect("the folder is ours");
        }
        Self(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.0.join("data")
    }

    pub(super) fn ready_file(&self) -> PathBuf {
        self.0.join("ready.json")
    }

    pub(super) fn stdout(&self) -> PathBuf {
        self.0.join("stdout")
    }

    pub(super) fn stderr(&self) -> PathBuf {
        self.0.join("stderr")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What a failed test leaves is worth a look.
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// Removes what test processes left that are gone: a server that is shared by all tests of a process cannot outlive it, but its folder does.
fn sweep(servers: &Path) {
    for entry in fs::read_dir(servers).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
        if pid.is_some_and(|pid| kill(Pid::from_raw(pid), None).is_err()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The PostgreSQL that is run, found or fetched once for all tests of this build.
pub(super) fn postgresql() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let configured = installation().map(PathBuf::from);
        let options = FindOptions { configured, cache_dir: installations(), allow_fetch: true, major: None };
        let found = find_or_install(&options, &mut |step| eprintln!("{step}"));
        found.unwrap_or_else(|error| panic!("no PostgreSQL for the tests: {error}")).root().to_owned()
    })
}
