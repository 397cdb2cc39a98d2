//! Where the shared cluster lives, and by which files its users and its keeper meet.

use nix::unistd::geteuid;
use std::{
    env,
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    hash::{DefaultHasher, Hash, Hasher},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The variable that names an installation of PostgreSQL.
const INSTALLATION: &str = "FLUXBASE_TEST_POSTGRES_BIN";

/// The folder of one shared cluster.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The one that all test binaries of this build share. Another installation of PostgreSQL has another.
    pub(super) fn of_this_build() -> Self {
        let name = installation().map_or_else(|| "cluster".to_owned(), |installation| format!("cluster-{}", short_hash(&installation)));
        let folder = scratch().join(name);
        fs::create_dir_all(&folder).expect("the target folder is writable");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("the folder is ours");
        Self(folder)
    }

    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.0.join("data")
    }

    /// The superuser's URL, while the cluster runs.
    pub(super) fn address_file(&self) -> PathBuf {
        self.0.join("address")
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.0.join("keeper.log")
    }

    /// A file to lock. It stays: a lock on a file that somebody else removed would be none.
    pub(super) fn lock_file(&self, name: &str) -> File {
        let path = self.0.join(name).with_extension("lock");
        OpenOptions::new().create(true).truncate(false).write(true).open(path).expect("the target folder is writable")
    }

    /// The keeper's own lock, unless there is a keeper already.
    pub(super) fn lock_for_keeping(&self) -> Option<File> {
        let lock = self.lock_file("keeper");
        match lock.try_lock() {
            Ok(()) => Some(lock),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(error)) => panic!("locks work in the target folder: {error}"),
        }
    }

    pub(super) fn is_kept(&self) -> bool {
        self.lock_for_keeping().is_none()
    }

    /// Where cargo puts this package's binary: beside the folder of the test binaries.
    pub(super) fn keeper_program() -> PathBuf {
        let own = env::current_exe().expect("a test binary knows its own path");
        let deps = own.parent().expect("it is in a folder");
        deps.parent().unwrap_or(deps).join("fluxbase-cluster-keeper")
    }
}

/// The installation to run; `None` for the usual one.
pub(crate) fn installation() -> Option<OsString> {
    env::var_os(INSTALLATION)
}

/// Where unpacked copies of PostgreSQL are kept: the place that the tests of the embedded adapter use too.
pub(crate) fn installations() -> PathBuf {
    scratch().join("postgresql")
}

/// The target folder's place for tests. PostgreSQL does not run as root; where the user that it becomes could not reach that, a temporary folder.
pub(crate) fn scratch() -> PathBuf {
    let own = env::current_exe().expect("a test binary knows its own path");
    let target = own.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file()).or(own.parent()).expect("it is in a folder");
    let scratch = target.join("tmp");
    let closed = |folder: &Path| fs::metadata(folder).is_ok_and(|found| found.mode() & 0o001 == 0);
    if geteuid().is_root() && scratch.ancestors().any(closed) {
        return env::temp_dir().join(format!("fluxbase-tests-{}", short_hash(target)));
    }
    scratch
}

fn short_hash(value: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:08x}", hasher.finish() & 0xffff_ffff)
}
