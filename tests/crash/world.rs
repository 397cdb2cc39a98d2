//! A server with a small database, and what these tests ask of it over and over.

use fluxbase_tests::{Answer, ENCRYPTION_KEY, ServerSettings, TestCluster, TestDatabase, TestServer, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{
    AssertSqlSafe, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tempfile::TempDir;

/// How long a branch may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Two related tables that the service role may use.
pub(crate) const ORCHARD: &str = "
    create table public.trees (id int primary key, kind text not null);
    create table public.apples (id int primary key, tree_id int not null references public.trees (id), weight numeric not null);
    insert into public.trees select n, 'kind ' || n % 7 from generate_series(1, 200) n;
    insert into public.apples select n, 1 + n % 200, n * 0.5 from generate_series(1, 5000) n;
    grant select, insert, update, delete on all tables in schema public to service_role";

/// A server, and its database as a superuser sees it.
pub(crate) struct World {
    pub(crate) server: TestServer,
    pub(crate) pool: PgPool,
    /// The login that the server comes as, where that is another than the pool's.
    plain_owner: Option<PgConnectOptions>,
    settings: ServerSettings,
    pub(crate) prefix: String,
    /// The folder that its seed files are in.
    pub(crate) seeds: TempDir,
    /// The database in the shared cluster; `None` where the server runs a PostgreSQL of its own.
    database: Option<TestDatabase>,
}

impl World {
    /// A server on a database of its own in the shared cluster, with this schema. It comes as a superuser, or as a login with CREATEDB and CREATEROLE only
    /// where `FLUXBASE_TEST_LOGIN` is `plain`; [`Self::pool`] is a superuser's all the same.
    pub(crate) async fn on_shared_cluster(schema: &'static str, change: impl FnOnce(ServerSettings) -> ServerSettings) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let database = TestCluster::database().await;
        let pool = database.pool(4).await;
        let url = if is_plain() { database.given_to_plain_owner().await } else { database.url().clone() };
        let admin: PgConnectOptions = url.as_str().parse().unwrap();
        run_as(admin.clone(), schema).await;
        let prefix = format!("t{}_{}_", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let seeds = seeds();
        let settings = ServerSettings::new()
            .set("branching.seeds_dir", &seeds.path().display().to_string())
            .set("database.url", url.as_str())
            .set("security.encryption_key", ENCRYPTION_KEY)
            .set("branching.database_prefix", &prefix);
        let settings = change(settings);
        let server = settings.clone().start().await;
        Self { server, pool, plain_owner: is_plain().then_some(admin), settings, prefix, seeds, database: Some(database) }
    }

    /// A server that runs its own PostgreSQL, which dies with it, with this schema instead of the demo.
    pub(crate) async fn embedded(schema: &'static str) -> Self {
        Self::embedded_with(schema, |settings| settings).await
    }

    /// The same with other settings.
    pub(crate) async fn embedded_with(schema: &'static str, change: impl FnOnce(ServerSettings) -> ServerSettings) -> Self {
        let seeds = seeds();
        let settings = ServerSettings::new().argument("--no-demo").set("branching.seeds_dir", &seeds.path().display().to_string());
        let settings = change(settings);
        let server = settings.clone().start().await;
        let pool = server.superuser().await;
        run(&pool, schema).await;
        Self { server, pool, plain_owner: None, settings, prefix: "fluxbase_branch_".to_owned(), seeds, database: None }
    }

    /// Another server on the same database, with a data folder and a port of its own.
    pub(crate) async fn replica(&self) -> TestServer {
        self.settings.clone().without_variable("FLUXBASE_FAILPOINT").start().await
    }

    /// Starts the server again after a crash, without the variable that made it crash.
    pub(crate) async fn restart(&mut self) {
        self.server.reconfigure(|settings| settings.without_variable("FLUXBASE_FAILPOINT"));
        self.server.restart().await;
        if self.database.is_none() {
            self.pool = self.server.superuser().await;
        }
    }

    /// Sends a request as the owner.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.server.send(method, path, &self.server.owner_key(), body).await
    }

    /// Asks for a full clone of main, which must be accepted.
    pub(crate) async fn create(&self, name: &str) {
        self.create_with(&json!({"name": name, "data_clone_mode": "full_clone"})).await;
    }

    /// The same with any body.
    pub(crate) async fn create_with(&self, body: &Value) {
        self.begin_create(body).await;
    }

    /// Asks for a branch to be deleted, which must be accepted.
    pub(crate) async fn delete(&self, slug: &str) {
        let answer = self.server.rest(Method::DELETE, &format!("admin/branches/{slug}"), &self.server.owner_key());
        let answer = Answer::to(answer).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    /// A branch's status; `None` when there is none of that slug.
    pub(crate) async fn status(&self, slug: &str) -> Option<String> {
        let answer = self.server.get(&format!("admin/branches/{slug}"), &self.server.owner_key()).await;
        (answer.status != 404).then(|| answer.json()["status"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned())
    }

    /// Waits until the branch is built; one that failed will never be.
    pub(crate) async fn ready(&self, slug: &str) {
        eventually(&format!("{slug} is ready"), PATIENCE, async || {
            let answer = self.server.get(&format!("admin/branches/{slug}"), &self.server.owner_key()).await;
            let branch = answer.json();
            let on_its_way = ["creating", "migrating", "ready"].iter().any(|status| branch["status"] == *status);
            assert!(on_its_way, "{branch}\n{}", self.server.stderr());
            branch["status"] == "ready"
        })
        .await;
    }

    /// Waits until there is no such branch.
    pub(crate) async fn gone(&self, slug: &str) {
        eventually(&format!("{slug} is gone"), PATIENCE, async || self.status(slug).await.is_none()).await;
    }

    /// The databases of this world's branches, finished, half built or half dropped.
    pub(crate) async fn databases(&self) -> BTreeSet<String> {
        let names: Vec<String> = sqlx::query_scalar(
            "select datname::text from pg_database
              where starts_with(datname, $1)
                 or starts_with(datname, (select 'fluxbase_build_' || left(id::text, 8) from fluxbase.instance))",
        )
        .bind(&self.prefix)
        .fetch_all(&self.pool)
        .await
        .unwrap();
        names.into_iter().collect()
    }

    /// What lies ready for branches to come, and what operations try things on.
    pub(crate) async fn stock(&self) -> BTreeSet<String> {
        let names: Vec<String> = sqlx::query_scalar(
            "select datname::text from pg_database, (select left(id::text, 8) as short from fluxbase.instance) instance
              where datname ~ format('^fluxbase_(template|spare|trial)_%s_', short)",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        names.into_iter().collect()
    }

    /// What [`Self::databases`] should be when these branches live, each with its generation.
    pub(crate) fn databases_of(&self, branches: &[(&str, u32)]) -> BTreeSet<String> {
        branches.iter().map(|(slug, generation)| format!("{}{slug}_g{generation}", self.prefix)).collect()
    }

    /// A branch's database as a superuser.
    pub(crate) async fn inside(&self, slug: &str, generation: u32) -> PgPool {
        self.database_of(slug, generation, (*self.pool.connect_options()).clone()).await
    }

    /// A branch's database as the login that the server comes as: it may end such a session.
    pub(crate) async fn inside_as_admin(&self, slug: &str, generation: u32) -> PgPool {
        self.database_of(slug, generation, self.admin()).await
    }

    /// Changes main as the login that the server comes as: what it makes belongs to it.
    pub(crate) async fn on_main(&self, sql: &str) {
        run_as(self.admin(), sql).await;
    }

    fn admin(&self) -> PgConnectOptions {
        self.plain_owner.clone().unwrap_or_else(|| (*self.pool.connect_options()).clone())
    }

    async fn database_of(&self, slug: &str, generation: u32, options: PgConnectOptions) -> PgPool {
        let options = options.database(&format!("{}{slug}_g{generation}", self.prefix));
        PgPoolOptions::new().max_connections(2).connect_with(options).await.unwrap()
    }

    /// How many rows a table has, as requests see it.
    pub(crate) async fn count(&self, table: &str, branch: &str) -> u64 {
        let request = self.server.rest(Method::GET, &format!("tables/{table}?select=id&limit=1"), &self.server.owner_key());
        let answer = Answer::to(request.header("X-Fluxbase-Branch", branch).header("Prefer", "count=exact")).await;
        assert!(answer.status.is_success(), "{answer:?}");
        let total = answer.header("content-range").rsplit_once('/').map(|(_, total)| total.parse());
        total.unwrap_or_else(|| panic!("{answer:?}")).unwrap()
    }

    /// A branch of the orchard has all of it.
    pub(crate) async fn is_whole(&self, slug: &str) {
        assert_eq!((self.count("trees", slug).await, self.count("apples", slug).await), (200, 5000));
    }

    /// Leaves nothing in the shared cluster.
    pub(crate) async fn end(mut self) {
        self.server.kill().await;
        if self.database.is_some() {
            for name in self.databases().await.into_iter().chain(self.stock().await) {
                run(&self.pool, &format!("drop database {name:?} with (force)")).await;
            }
            self.pool.close().await;
        }
    }
}

/// A folder with one tree to sow.
fn seeds() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("1_trees.sql"), "insert into public.trees values (1, 'sown');\n").unwrap();
    folder
}

/// A number that the environment may set, for longer runs and to repeat one.
pub(crate) fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// Whether servers on the shared cluster come as a login that is no superuser.
pub(crate) fn is_plain() -> bool {
    match std::env::var("FLUXBASE_TEST_LOGIN").as_deref() {
        Err(_) | Ok("superuser") => false,
        Ok("plain") => true,
        Ok(other) => panic!("FLUXBASE_TEST_LOGIN is '{other}'; it may be superuser or plain"),
    }
}

async fn run_as(login: PgConnectOptions, sql: &str) {
    let pool = PgPoolOptions::new().max_connections(1).connect_with(login).await.unwrap();
    run(&pool, sql).await;
    pool.close().await;
}

/// Runs statements that these tests put together themselves.
pub(crate) async fn run(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
}
