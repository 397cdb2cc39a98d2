//! A database of a test's own.

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};
use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};
use url::Url;

/// A fresh, empty database, dropped soon after this value, whoever is still connected.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: Url,
    server: Url,
}

impl TestDatabase {
    pub(super) async fn create(server: &Url) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        // One of that name was left by a killed process that had our number.
        for sql in [drop_sql(&name), format!("create database {name} template template0")] {
            run(server, sql).await.unwrap_or_else(|error| panic!("a database for the test: {error}"));
        }
        let mut url = server.clone();
        url.set_path(&name);
        Self { name, url, server: server.clone() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its superuser's URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Gives it to a login of its own name that may make databases and roles and nothing more; this is that login's URL. Roles that the whole server shares
    /// are let to it, as somebody has to do where there is more than one such login.
    pub async fn given_to_plain_owner(&self) -> Url {
        let name = &self.name;
        // One of a killed process that had our number may be left, and what it owned.
        let make = format!(
            "select pg_advisory_xact_lock(20261126);
             do $$ begin create role {name} login nosuperuser createdb createrole; exception when duplicate_object then null; end $$;
             do $$ begin create role fluxbase_branch_owner; exception when duplicate_object then null; end $$;
             grant anon, authenticated, service_role, fluxbase_branch_owner to {name} with admin option;
             alter role {name} password '{name}'; alter database {name} owner to {name}"
        );
        run(&self.server, make).await.unwrap_or_else(|error| panic!("an owner for the test's database: {error}"));
        let mut url = self.url.clone();
        url.set_username(name).and_then(|()| url.set_password(Some(name))).expect("the URL has a host");
        url
    }

    /// A pool on it, as superuser.
    pub async fn pool(&self, max_connections: u32) -> PgPool {
        let options = PgPoolOptions::new().max_connections(max_connections).acquire_timeout(Duration::from_secs(20));
        options.connect(self.url.as_str()).await.unwrap_or_else(|error| panic!("a pool on {}: {error}", self.name))
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // What cannot be dropped any more goes with the cluster.
        let _ = janitor().send((self.server.clone(), drop_sql(&self.name)));
    }
}

/// Drops what tests leave, on a thread of its own: a test that waited for it would keep its own half-made connections open, and the server waits for
/// their end.
fn janitor() -> &'static mpsc::Sender<(Url, String)> {
    static JANITOR: OnceLock<mpsc::Sender<(Url, String)>> = OnceLock::new();
    JANITOR.get_or_init(|| {
        let (sender, orders) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime needs nothing");
            for (server, sql) in orders {
                if let Err(error) = runtime.block_on(run(&server, sql)) {
                    eprintln!("a test's database could not be dropped: {error}");
                }
            }
        });
        sender
    })
}

fn drop_sql(name: &str) -> String {
    format!("drop database if exists {name} with (force)")
}

async fn run(server: &Url, sql: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(server.as_str()).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}
