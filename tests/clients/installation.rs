//! Clients are fetched once, by the registries' own programs, and kept in the target folder.

use fluxbase_tests::fetched;
use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A client, pinned, and how it is fetched.
pub(crate) struct Package {
    /// Its name and version: another version is fetched into another folder.
    pub(crate) name: &'static str,
    /// What runs it, seen from its folder.
    pub(crate) program: &'static str,
    /// Fetches it into its folder.
    pub(crate) fetch: fn(&Path) -> Result<(), String>,
}

impl Package {
    /// Its folder; `None`, said aloud, where it cannot be had and need not be.
    pub(crate) async fn folder(&'static self) -> Option<PathBuf> {
        let found = tokio::task::spawn_blocking(|| self.find_or_fetch()).await.expect("fetching does not panic");
        fetched(self.name, found)
    }

    fn find_or_fetch(&self) -> Result<PathBuf, String> {
        let clients = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
        let folder = clients.join(self.name);
        fs::create_dir_all(&clients).map_err(|error| error.to_string())?;
        // One fetches, the others wait: tests are threads, and other runs may go on at the same time.
        let turn = File::create(clients.join(format!("{}.lock", self.name))).map_err(|error| error.to_string())?;
        turn.lock().map_err(|error| error.to_string())?;
        let complete = folder.join("complete");
        // A program that is a link to one that was removed is none.
        if complete.is_file() && folder.join(self.program).is_file() {
            return Ok(folder);
        }
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        (self.fetch)(&folder)?;
        File::create(complete).map_err(|error| error.to_string())?;
        Ok(folder)
    }
}

/// Runs a program to fetch something, in the caller's own environment, which knows the way to the registries.
#[expect(clippy::disallowed_methods, reason = "the tests fetch their clients")]
pub(crate) fn fetch(program: impl AsRef<Path>, arguments: &[&str], folder: &Path) -> Result<(), String> {
    let program = program.as_ref();
    let ran = Command::new(program).args(arguments).current_dir(folder).output();
    let said = |output: &Output| [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    match ran {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{} {} ended with {}: {}", program.display(), arguments.join(" "), output.status, said(&output))),
        Err(error) => Err(format!("{}: {error}", program.display())),
    }
}

/// A client's program, in an environment of the tests: it dies with the test that waits for it, and keeps what it writes to its own folder.
#[expect(clippy::disallowed_methods, reason = "the tests run real clients")]
pub(crate) fn client(program: impl AsRef<Path>, folder: &Path) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(program.as_ref());
    command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path))).env("HOME", folder);
    command.stdin(std::process::Stdio::null()).kill_on_drop(true);
    command
}
