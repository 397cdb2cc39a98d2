//! One PostgreSQL server installation that was seen to run here.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{child, user::RunAs};

/// The major versions that Fluxbase works with.
pub(crate) const SUPPORTED: RangeInclusive<u32> = 15..=18;

/// Where an installation came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinarySource {
    /// The folder named by the configuration.
    Configured,
    /// A copy unpacked by an earlier start.
    Unpacked,
    /// Fetched and unpacked just now.
    Fetched,
    /// Installed on this machine by somebody else.
    Local,
}

/// A PostgreSQL server installation: `bin/initdb` and `bin/postgres` ran when it was inspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    root: PathBuf,
    version: String,
    major: u32,
    has_vector: bool,
    source: BinarySource,
}

impl Binaries {
    /// The folder that holds `bin/`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The server's version as it prints it, such as `18.6`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The server's major version, such as 18.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Whether `create extension vector` can work.
    pub fn has_vector(&self) -> bool {
        self.has_vector
    }

    /// Where the installation came from.
    pub fn source(&self) -> BinarySource {
        self.source
    }

    /// The path of a client program such as `pg_dump`, where the installation has it.
    pub fn tool(&self, name: &str) -> Option<PathBuf> {
        let path = self.program(name);
        path.is_file().then_some(path)
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }

    /// Runs `initdb --show` as the user that will run the server: it also runs `postgres --version` and tells where the shared files are.
    ///
    /// The error is a phrase that says what is wrong with the folder.
    pub(crate) fn inspect(root: &Path, source: BinarySource, user: &RunAs) -> Result<Self, String> {
        let initdb = root.join("bin/initdb");
        if !initdb.is_file() {
            return Err("no bin/initdb in it".to_owned());
        }
        if let Some(dir) = user.first_untraversable(root) {
            return Err(format!("user {user} may not enter {}; move it elsewhere or allow it (chmod o+x)", dir.display()));
        }
        let mut command = child::command(&initdb);
        user.lower(&mut command);
        let output = command
            .args(["--show", "-D", "/nonexistent"])
            .env_clear()
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{} does not run: {error}", initdb.display()))?;
        let shown = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("{} does not run ({}): {}", initdb.display(), output.status, shown.trim()));
        }
        let shown = Shown::parse(&shown).ok_or_else(|| "its initdb does not tell its version".to_owned())?;
        if !SUPPORTED.contains(&shown.major) {
            return Err(format!("its version is {}; {} to {} are supported", shown.version, SUPPORTED.start(), SUPPORTED.end()));
        }
        Ok(Self {
            root: root.to_owned(),
            has_vector: shown.share.join("extension/vector.control").is_file(),
            version: shown.version,
            major: shown.major,
            source,
        })
    }
}

/// What `initdb --show` says.
struct Shown {
    version: String,
    major: u32,
    share: PathBuf,
}

impl Shown {
    fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
        let version = value("VERSION=")?.split_whitespace().next()?.to_owned();
        let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Self { major: digits.parse().ok()?, share: value("share_path=")?.into(), version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_initdb_shows_is_read() {
        let shown = Shown::parse("VERSION=15.18 (Debian 15.18-0+deb12u1)\nPGDATA=/x\nshare_path=/usr/share/postgresql/15\n").unwrap();
        assert_eq!((shown.version.as_str(), shown.major), ("15.18", 15));
        assert_eq!(shown.share, Path::new("/usr/share/postgresql/15"));

        assert_eq!(Shown::parse("VERSION=18beta1\nshare_path=/s\n").unwrap().major, 18);
        assert!(Shown::parse("nonsense").is_none());
    }

    #[test]
    fn a_folder_without_initdb_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let reason = Binaries::inspect(dir.path(), BinarySource::Local, &RunAs::Itself).unwrap_err();
        assert_eq!(reason, "no bin/initdb in it");
    }
}
