//! Tryton, an ERP system: the Python packages of its modules make the tables. They are fetched by pip each time and kept nowhere.

use fluxbase_tests::fetched;
use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Output},
};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use url::Url;

/// One release, with the modules that these stand on: more than 250 tables.
const RELEASE: &str = "7.0.*";
const MODULES: [&str; 7] = ["sale", "purchase", "production", "account_asset", "account_payment", "stock_supply", "account_statement"];

/// Makes its tables in a database that is empty; `false` where pip cannot get it and it need not be tried ([`fetched`]).
pub(crate) async fn fill(database: &str) -> bool {
    static FETCHED: OnceCell<Result<TempDir, String>> = OnceCell::const_new();
    let fetch = || async { tokio::task::spawn_blocking(fetch).await.unwrap() };
    let Some(packages) = fetched("Tryton", FETCHED.get_or_init(fetch).await.as_ref()) else { return false };
    let (packages, database) = (packages.path().to_owned(), database.to_owned());
    tokio::task::spawn_blocking(move || make(&packages, &database)).await.unwrap().unwrap();
    true
}

fn fetch() -> Result<TempDir, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let modules = MODULES.map(|module| format!("trytond_{module}=={RELEASE}"));
    let wanted = ["psycopg2-binary".to_owned(), format!("trytond=={RELEASE}")].into_iter().chain(modules);
    let options = ["install", "--quiet", "--disable-pip-version-check", "--no-input", "--target", "."].map(str::to_owned);
    run(folder.path(), "pip3", options.into_iter().chain(wanted))?;
    Ok(folder)
}

fn make(packages: &Path, database: &str) -> Result<(), String> {
    let mut server = Url::parse(database).map_err(|error| error.to_string())?;
    let name = server.path().trim_start_matches('/').to_owned();
    server.set_path("/");
    // The word by which Tryton finds its driver.
    server.set_scheme("postgresql").map_err(|()| "it is no address of PostgreSQL")?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (configuration, script) = (folder.path().join("trytond.conf"), folder.path().join("tryton.py"));
    std::fs::write(&configuration, format!("[database]\nuri = {server}\n")).map_err(|error| error.to_string())?;
    std::fs::write(&script, include_str!("tryton.py")).map_err(|error| error.to_string())?;
    let arguments = [script.as_os_str(), configuration.as_os_str(), OsStr::new(&name)].into_iter().chain(MODULES.map(OsStr::new));
    run(packages, "python3", arguments).map(|_| ())
}

#[expect(clippy::disallowed_methods, reason = "only pip knows where packages are, and Tryton is a Python program")]
fn run(folder: &Path, program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Output, String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("PYTHONPATH", folder)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() { Ok(output) } else { Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())) }
}
