//! The scripts of Debian's package `zabbix-server-pgsql`. They are fetched by apt each time and kept nowhere.

use fluxbase_tests::fetched;
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tokio::sync::OnceCell;

const PACKAGE: &str = "zabbix-server-pgsql";
/// In the order that its documentation asks for.
const SCRIPTS: [&str; 3] = ["schema", "images", "data"];

/// The text of the scripts; `None` where apt cannot get them and they need not be tried ([`fetched`]).
pub(crate) async fn scripts() -> Option<&'static [String]> {
    static FETCHED: OnceCell<Result<Vec<String>, String>> = OnceCell::const_new();
    let fetch = || async { tokio::task::spawn_blocking(fetch).await.unwrap() };
    fetched(PACKAGE, FETCHED.get_or_init(fetch).await.as_ref()).map(Vec::as_slice)
}

fn fetch() -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    download(folder.path())?;
    let package = archive_in(folder.path()).ok_or("apt-get downloaded nothing")?;
    run(folder.path(), "dpkg-deb", [OsStr::new("-x"), package.as_os_str(), OsStr::new("content")])?;
    let scripts = folder.path().join("content/usr/share").join(PACKAGE);
    let unpacked = |name: &str| {
        let output = run(folder.path(), "gzip", [OsStr::new("-dc"), scripts.join(name).with_extension("sql.gz").as_os_str()])?;
        String::from_utf8(output.stdout).map_err(|error| error.to_string())
    };
    SCRIPTS.into_iter().map(unpacked).collect()
}

/// By the machine's lists of packages. A fresh machine has none, or old ones, and only root may renew those: then by lists of our own.
fn download(folder: &Path) -> Result<Output, String> {
    let by_lists_of_the_machine = run(folder, "apt-get", ["-q", "download", PACKAGE]);
    if by_lists_of_the_machine.is_ok() {
        return by_lists_of_the_machine;
    }
    let (lists, cache) = (folder.join("lists"), folder.join("cache"));
    for place in [lists.join("partial"), cache.join("archives/partial")] {
        std::fs::create_dir_all(place).map_err(|error| error.to_string())?;
    }
    let options = ["-q", "-o", &format!("Dir::State::lists={}", lists.display()), "-o", &format!("Dir::Cache={}", cache.display())];
    run(folder, "apt-get", options.into_iter().chain(["update"]))?;
    run(folder, "apt-get", options.into_iter().chain(["download", PACKAGE]))
}

fn archive_in(folder: &Path) -> Option<PathBuf> {
    let files = folder.read_dir().ok()?.flatten().map(|entry| entry.path());
    files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "deb"))
}

#[expect(clippy::disallowed_methods, reason = "only apt knows where packages are")]
fn run(folder: &Path, program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Output, String> {
    let output = Command::new(program).args(arguments).current_dir(folder).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() { Ok(output) } else { Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())) }
}
