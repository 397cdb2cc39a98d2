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
    run(folder.path(), "apt-get", ["-q", "download", PACKAGE])?;
    let package = archive_in(folder.path()).ok_or("apt-get downloaded nothing")?;
    run(folder.path(), "dpkg-deb", [OsStr::new("-x"), package.as_os_str(), OsStr::new("content")])?;
    let scripts = folder.path().join("content/usr/share").join(PACKAGE);
    let unpacked = |name: &str| {
        let output = run(folder.path(), "gzip", [OsStr::new("-dc"), scripts.join(name).with_extension("sql.gz").as_os_str()])?;
        String::from_utf8(output.stdout).map_err(|error| error.to_string())
    };
    SCRIPTS.into_iter().map(unpacked).collect()
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
