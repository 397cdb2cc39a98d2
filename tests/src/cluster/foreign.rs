//! A PostgreSQL of a given version, as somebody else runs it.

use super::{folder::installations, launcher};
use crate::fetched::untried;
use embedded::{Binaries, Cluster, ClusterOptions, FindOptions, find_or_install};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};
use tempfile::TempDir;
use url::Url;

/// 32 bytes in base64: `security.encryption_key` where a database is not the server's own.
pub const ENCRYPTION_KEY: &str = "Zmx1eGJhc2UgdGVzdHMgZmx1eGJhc2UgdGVzdHMgISE=";

/// Who owns the database that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Somebody who may do everything.
    Superuser,
    /// A login with CREATEDB and CREATEROLE only.
    Plain,
}

/// A running server.
#[derive(Debug)]
pub struct ForeignCluster {
    cluster: Cluster,
    tools: String,
    _folder: TempDir,
}

impl ForeignCluster {
    /// `None` where this machine does not have that version; the reason is printed.
    pub async fn start(major: u32) -> Option<Self> {
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o711)).tempdir().unwrap();
        let found = tokio::task::spawn_blocking(move || find(major)).await.unwrap();
        let binaries = found.inspect_err(|reason| untried(&format!("PostgreSQL {major}"), reason)).ok()?;
        let tools = binaries.root().join("bin").to_str().unwrap().to_owned();
        let mut options = ClusterOptions::new(folder.path().join("cluster"), binaries);
        options.settings = [("fsync", "off"), ("full_page_writes", "off")].map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        options.launcher = launcher();
        let cluster = Cluster::start(options).await.unwrap();
        Some(Self { cluster, tools, _folder: folder })
    }

    /// The folder of its `pg_dump`.
    pub fn tools(&self) -> &str {
        &self.tools
    }

    /// A database with what these scripts make; returns its owner's URL. A plain owner has the database's name.
    pub async fn database(&self, owner: Owner, name: &str, scripts: &[String]) -> String {
        let admin = self.superuser("postgres").await;
        let mut url = self.superuser_url(name);
        let mut make = vec![format!("create database {name}")];
        if owner == Owner::Plain {
            let role = format!("create role {name} login nosuperuser createdb createrole password '{name}'");
            make = vec![role, format!("create database {name} owner {name}")];
            url.set_username(name).unwrap();
            url.set_password(Some(name)).unwrap();
        }
        for sql in make {
            sqlx::query(AssertSqlSafe(sql)).execute(&admin).await.unwrap();
        }
        admin.close().await;
        let pool = PgPoolOptions::new().max_connections(1).connect(url.as_str()).await.unwrap();
        for script in scripts {
            sqlx::raw_sql(AssertSqlSafe(script.clone())).execute(&pool).await.unwrap();
        }
        pool.close().await;
        url.into()
    }

    /// The superuser's URL of one database.
    pub fn superuser_url(&self, database: &str) -> Url {
        Url::parse(self.cluster.superuser_url(database).expose_secret()).unwrap()
    }

    /// A pool that may look at everything.
    pub async fn superuser(&self, database: &str) -> PgPool {
        PgPoolOptions::new().max_connections(2).connect(self.superuser_url(database).as_str()).await.unwrap()
    }

    /// Freezes or thaws it: frozen, it takes connections and says nothing, as a machine that hangs.
    pub fn signal_all(&self, signal: Signal) {
        let server = self.cluster.pid().expect("it runs").cast_signed();
        let parent = |pid: i32| -> Option<i32> {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            stat.rsplit_once(") ")?.1.split_whitespace().nth(1)?.parse().ok()
        };
        let pids = fs::read_dir("/proc").expect("this is Linux").flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        for pid in pids.filter(|pid| *pid == server || parent(*pid) == Some(server)) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Stops it.
    pub async fn stop(self) {
        self.cluster.stop().await;
    }
}

/// The fetched package is of one version only; others are where Debian puts them.
fn find(major: u32) -> Result<Binaries, String> {
    let debian = format!("/usr/lib/postgresql/{major}");
    let configured = Path::new(&debian).is_dir().then(|| debian.into());
    let options = FindOptions { configured, cache_dir: installations(), allow_fetch: true, major: Some(major) };
    find_or_install(&options, &mut |step| eprintln!("{step}")).map_err(|error| error.to_string())
}
