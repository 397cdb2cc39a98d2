//! The keeper: starts PostgreSQL, tells where, and ends it when nobody uses it any more.

use super::folder::{Folder, installation, installations};
use embedded::{Cluster, ClusterOptions, FindOptions, find_or_install};
use secrecy::ExposeSecret;
use sqlx::{Connection, Executor, PgConnection};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// What the keeper says once its cluster runs.
pub(super) const READY: &str = "ready";

/// Nothing of a test need survive a power failure.
const SETTINGS: [(&str, &str); 3] = [("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")];

/// Keeps a cluster in this folder until its last user is gone. The server ends with this process, whatever ends it.
pub fn keep_cluster(folder: &Path) -> Result<(), String> {
    let folder = Folder::at(folder);
    let keeping = folder.lock_for_keeping().ok_or("there is a keeper already")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let cluster = runtime.block_on(start(&folder))?;
    let url = cluster.superuser_url("postgres");
    runtime.block_on(make_roles(url.expose_secret())).map_err(|error| format!("cannot make the roles: {error}"))?;
    tell(&folder, url.expose_secret()).map_err(|error| format!("cannot tell the address: {error}"))?;

    // Every user has a shared lock on this file. From here on new ones wait until we are gone.
    let users = folder.lock_file("users");
    users.lock().map_err(|error| error.to_string())?;
    let _ = fs::remove_file(folder.address_file());
    runtime.block_on(cluster.stop());
    let _ = fs::remove_dir_all(folder.data_dir());
    // First this one: who waits for the other must not take us for a keeper any more.
    drop(keeping);
    drop(users);
    Ok(())
}

async fn start(folder: &Folder) -> Result<Cluster, String> {
    let find = FindOptions { configured: installation().map(Into::into), cache_dir: installations(), allow_fetch: true, major: None };
    let binaries = find_or_install(&find, &mut |step| eprintln!("{step}")).map_err(|error| error.to_string())?;
    // What a killed keeper left is nothing to build on.
    match fs::remove_dir_all(folder.data_dir()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(format!("{}: {error}", folder.data_dir().display())),
        _ => {}
    }
    let mut options = ClusterOptions::new(folder.data_dir(), binaries);
    options.settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Cluster::start(options).await.map_err(|error| error.to_string())
}

/// Roles belong to the whole cluster: made here, once, no two tests make them at the same time.
async fn make_roles(url: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute("create role anon; create role authenticated; create role service_role bypassrls").await?;
    connection.close().await
}

/// Writes the address where users look for it, whole or not at all, and says so to who waits.
fn tell(folder: &Folder, address: &str) -> io::Result<()> {
    let beside = folder.address_file().with_extension("new");
    let _ = fs::remove_file(&beside);
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(&beside)?.write_all(address.as_bytes())?;
    fs::rename(beside, folder.address_file())?;
    // The one who started us may be gone; others are waiting.
    let _ = writeln!(io::stdout(), "{READY}");
    Ok(())
}
