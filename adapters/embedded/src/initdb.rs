//! Making the cluster, once, all or nothing.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use nix::sys::signal::Signal;
use rand::distr::{Alphanumeric, SampleString};
use secrecy::SecretString;

use crate::{
    SUPERUSER,
    binaries::Binaries,
    error::ClusterError,
    folders::{make_dirs, pgdata, sync_names},
    launcher::Launcher,
    password,
    user::RunAs,
};

/// What the cluster's folder is called while it is being made. Each attempt has its own: children of a killed initdb go on in theirs for a moment.
const UNFINISHED: &str = "postgres.unfinished-";

/// The first is deterministic everywhere it exists; older systems and macOS may lack it.
const LOCALES: [&str; 2] = ["C.UTF-8", "C"];

/// What is found where the cluster should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing, or an empty folder.
    Nothing,
    /// A cluster.
    Cluster { major: u32, owner: u32 },
}

/// Looks without changing anything.
pub(crate) fn look(data_dir: &Path) -> Result<Found, ClusterError> {
    let path = pgdata(data_dir);
    let Ok(folder) = fs::metadata(&path) else {
        return Ok(Found::Nothing);
    };
    let version = fs::read_to_string(path.join("PG_VERSION")).ok();
    match version.and_then(|text| text.trim().parse().ok()) {
        Some(major) => Ok(Found::Cluster { major, owner: folder.uid() }),
        None => match fs::read_dir(&path).map(|mut entries| entries.next().is_none()) {
            Ok(true) => Ok(Found::Nothing),
            Ok(false) => Err(ClusterError::NotACluster { path }),
            Err(_) => Err(ClusterError::OtherOwner { path, owner: crate::user::name_of(folder.uid()) }),
        },
    }
}

/// Removes what attempts of killed runs left. What cannot be removed yet is removed at the next start.
pub(crate) fn sweep(data_dir: &Path) {
    for entry in fs::read_dir(data_dir).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Makes the cluster in a folder beside its place and moves it there when it is whole and on the disk.
pub(crate) async fn make(
    data_dir: &Path,
    binaries: &Binaries,
    user: &RunAs,
    launcher: &Launcher,
    password: &SecretString,
) -> Result<(), ClusterError> {
    let unfinished = data_dir.join(format!("{UNFINISHED}{}", Alphanumeric.sample_string(&mut rand::rng(), 8)));
    let mut refused = String::new();
    for locale in LOCALES {
        fresh_folder(&unfinished, user)?;
        let pwfile = data_dir.join("run/password");
        password::write(&pwfile, password).and_then(|()| user.give(&pwfile)).map_err(ClusterError::not_writable(&pwfile))?;
        let run = Run { binaries, user, launcher, into: &unfinished, pwfile: &pwfile, locale };
        let made = run.initdb().await;
        fs::remove_file(&pwfile).map_err(ClusterError::not_writable(&pwfile))?;
        match made? {
            Ok(()) => return settle(&unfinished, data_dir),
            Err(output) if output.contains("invalid locale") => refused = output,
            Err(output) => return Err(failed(output, &unfinished)),
        }
    }
    Err(failed(refused, &unfinished))
}

fn failed(output: String, unfinished: &Path) -> ClusterError {
    // On a full disk this gives the space back at once.
    let _ = fs::remove_dir_all(unfinished);
    ClusterError::InitFailed { output }
}

fn fresh_folder(path: &Path, user: &RunAs) -> Result<(), ClusterError> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(ClusterError::not_writable(path))?;
    }
    make_dirs(path, 0o700).and_then(|()| user.give(path)).map_err(ClusterError::not_writable(path))
}

fn settle(unfinished: &Path, data_dir: &Path) -> Result<(), ClusterError> {
    let place = pgdata(data_dir);
    // initdb has synced the files themselves. An empty folder in the place gives way.
    fs::rename(unfinished, &place).and_then(|()| sync_names(data_dir)).map_err(ClusterError::not_writable(place))
}

struct Run<'a> {
    binaries: &'a Binaries,
    user: &'a RunAs,
    launcher: &'a Launcher,
    into: &'a Path,
    pwfile: &'a Path,
    locale: &'static str,
}

impl Run<'_> {
    /// The inner error is what initdb said.
    async fn initdb(&self) -> Result<Result<(), String>, ClusterError> {
        let program: PathBuf = self.binaries.program("initdb");
        let mut command = self.launcher.command(&program, self.user, Signal::SIGKILL);
        command
            .arg("--pgdata")
            .arg(self.into)
            .arg("--pwfile")
            .arg(self.pwfile)
            .args(["--username", SUPERUSER, "--encoding=UTF8", "--auth=scram-sha-256", "--data-checksums"])
            .arg(format!("--locale={}", self.locale))
            .args(self.provider())
            // initdb would otherwise look for the machine's time zone in 600 files; a server's should be UTC anyway.
            .env("TZ", "UTC")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        let mut command = tokio::process::Command::from(command);
        let output = command.kill_on_drop(true).output().await.map_err(|source| ClusterError::NotRunnable { program, source })?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if !output.status.success() {
            return Ok(Err(if said.is_empty() { output.status.to_string() } else { said }));
        }
        if !self.into.join("PG_VERSION").is_file() {
            let launcher = "it made nothing; does the launcher's main call run_launcher_if_asked first?";
            return Ok(Err(launcher.to_owned()));
        }
        Ok(Ok(()))
    }

    /// From 17 on PostgreSQL brings its own sorting and case rules, so that a system's upgrade cannot break indexes.
    fn provider(&self) -> &'static [&'static str] {
        if self.binaries.major() >= 17 { &["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] } else { &["--locale-provider=libc"] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(look(dir.path()).unwrap(), Found::Nothing);
        let place = pgdata(dir.path());
        fs::create_dir(&place).unwrap();
        assert_eq!(look(dir.path()).unwrap(), Found::Nothing);
        fs::write(place.join("something"), "").unwrap();
        assert!(matches!(look(dir.path()), Err(ClusterError::NotACluster { .. })));
        fs::write(place.join("PG_VERSION"), "17\n").unwrap();
        assert!(matches!(look(dir.path()).unwrap(), Found::Cluster { major: 17, .. }));
    }
}
