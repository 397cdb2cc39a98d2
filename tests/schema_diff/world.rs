//! A PostgreSQL of a given version with the roles of branches, and databases on it that are copies of each other.

use domain::{branch::DatabaseName, privacy::PrivacyRules, schema::SchemaSnapshot};
use fluxbase_tests::ForeignCluster;
use pgtools::{Login, LoginSessions, MaskingSettings, PgSchemas, Place, Server, Settings, StockSettings, Tools};
use ports::driven::{DatabaseLogin, DatabaseLogins, DatabasePlace, LoginPurpose, SchemaReader, Secret};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgSslMode};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use url::Url;

/// What may be made by the owner of branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Event triggers, languages, operator classes too.
    All,
    /// What an owner may.
    Owner,
}

/// One login for all databases: nobody here attacks another's.
#[derive(Debug)]
struct OneBuilder;

impl DatabaseLogins for OneBuilder {
    fn of(&self, _purpose: LoginPurpose, _database: &DatabaseName) -> DatabaseLogin {
        DatabaseLogin { name: "builder".to_owned(), password: Secret::new("builder") }
    }

    fn image(&self, _purpose: LoginPurpose) -> &'static str {
        "builder"
    }
}

/// A server of its own.
pub(crate) struct World {
    cluster: ForeignCluster,
    url: Url,
    bin: PathBuf,
    folder: TempDir,
    next: AtomicU32,
}

impl World {
    /// `None` where this machine does not have that version; the reason is printed.
    pub(crate) async fn start(major: u32, rights: Rights) -> Option<Self> {
        let cluster = ForeignCluster::start(major).await?;
        let (url, bin) = (cluster.superuser_url("postgres"), cluster.tools().into());
        let world = Self { cluster, url, bin, folder: tempfile::tempdir().unwrap(), next: AtomicU32::new(0) };
        let superuser = if rights == Rights::All { "superuser" } else { "nosuperuser" };
        let roles = format!(
            "create role anon; create role authenticated; create role service_role; create role fluxbase_branch_owner {superuser};
             create role builder login password 'builder' in role fluxbase_branch_owner"
        );
        world.run("postgres", &roles).await.unwrap();
        Some(world)
    }

    /// A reader and prover, which knows nothing yet.
    pub(crate) fn schemas(&self) -> PgSchemas {
        let login = |user: &str, password: &str| Login { user: user.to_owned(), password: SecretString::from(password.to_owned()) };
        let password = percent_encoding::percent_decode_str(self.url.password().unwrap_or_default()).decode_utf8_lossy().into_owned();
        let settings = Settings {
            tools: Tools { pg_dump: self.bin.join("pg_dump"), pg_restore: self.bin.join("pg_restore") },
            server: Server {
                place: Place::Host(self.url.host_str().unwrap().to_owned()),
                port: self.url.port().unwrap(),
                tls: PgSslMode::Disable,
                root_certificate: None,
            },
            admin: login(self.url.username(), &password),
            logins: Arc::new(OneBuilder),
            metadata_database: DatabaseName::existing("postgres"),
            instance: fluxbase_tests::fresh_id(),
            database_prefix: "branch_".to_owned(),
            excluded_tables: Vec::new(),
            masking: MaskingSettings { rules: PrivacyRules::new(Vec::new(), Vec::new()).unwrap(), key: SecretString::from("key".to_owned()) },
            give_way_after: Duration::from_secs(1),
            stock: StockSettings { max_templates: 0, ..StockSettings::default() },
            clone_rate: 0,
            login_sessions: LoginSessions { traffic: 4, builder: 12, newcomers: 1 },
        };
        PgSchemas::new(settings, vec!["auth".to_owned(), "storage".to_owned()])
    }

    /// A database that the owner of branches owns all of.
    pub(crate) async fn database(&self, sql: &str) -> String {
        let name = self.copy("template0").await;
        self.run(&name, "alter schema public owner to fluxbase_branch_owner").await.unwrap();
        self.run(&name, &format!("grant create on database {name} to fluxbase_branch_owner")).await.unwrap();
        self.as_owner(&name, sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
        name
    }

    /// A copy of a database that nobody is connected to.
    pub(crate) async fn copy(&self, of: &str) -> String {
        let name = format!("branch_{}", self.next.fetch_add(1, Ordering::Relaxed));
        let sql = format!("create database {name} template {of}; ");
        for attempt in 0.. {
            match self.run("postgres", &sql).await {
                Ok(()) => break,
                // A backend that has just said goodbye is still there for a moment.
                Err(error) => assert!(attempt < 3, "{error}"),
            }
        }
        let grant = format!("grant create on database {name} to fluxbase_branch_owner");
        self.run("postgres", &grant).await.unwrap();
        name
    }

    pub(crate) async fn as_owner(&self, database: &str, sql: &str) -> Result<(), sqlx::Error> {
        self.run(database, &format!("set role fluxbase_branch_owner; {sql}")).await
    }

    /// One statement that can be in no transaction.
    pub(crate) async fn alone(&self, database: &str, statement: &str) -> Result<(), sqlx::Error> {
        self.run(database, statement).await
    }

    /// A session of the superuser's.
    pub(crate) async fn connect(&self, database: &str) -> PgConnection {
        let mut url = self.url.clone();
        url.set_path(database);
        PgConnection::connect(url.as_str()).await.unwrap()
    }

    async fn run(&self, database: &str, sql: &str) -> Result<(), sqlx::Error> {
        let mut connection = self.connect(database).await;
        let outcome = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
        connection.close().await?;
        outcome.map(|_| ())
    }

    /// The numbers that a query gives, as many as it has columns.
    pub(crate) async fn numbers(&self, database: &str, query: &str) -> Vec<i64> {
        let mut connection = self.connect(database).await;
        let row =
            sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut connection).await.unwrap_or_else(|error| panic!("{error}: {query}"));
        connection.close().await.unwrap();
        row
    }

    /// A copy by `pg_dump` and `psql`, as the owner of branches.
    pub(crate) async fn restored(&self, of: &str) -> String {
        let name = self.database("").await;
        let file = self.folder.path().join(&name);
        std::fs::write(&file, self.dump(of).await).unwrap();
        let restored = self.tool("psql", &name).args(["-qX", "-v", "ON_ERROR_STOP=1", "-f"]).arg(file).output().await.unwrap();
        assert!(restored.status.success(), "{restored:?}");
        name
    }

    /// What `pg_dump --schema-only` says of a database.
    pub(crate) async fn dump(&self, of: &str) -> Vec<u8> {
        let dumped = self.tool("pg_dump", of).args(["-s", "--no-owner", "--role=fluxbase_branch_owner"]).output().await.unwrap();
        assert!(dumped.status.success(), "{dumped:?}");
        dumped.stdout
    }

    fn tool(&self, program: &str, database: &str) -> tokio::process::Command {
        let mut command = program_of(&self.bin, program);
        command.env("PGHOST", self.url.host_str().unwrap()).env("PGPORT", self.url.port().unwrap().to_string());
        command.env("PGUSER", "builder").env("PGPASSWORD", "builder").env("PGDATABASE", database);
        command.env("PGOPTIONS", "-c role=fluxbase_branch_owner");
        command
    }

    pub(crate) async fn drop(&self, database: &str) {
        self.run("postgres", &format!("drop database {database} with (force)")).await.unwrap();
    }

    pub(crate) async fn stop(self) {
        self.cluster.stop().await;
    }
}

/// A branch's schema, as it is.
pub(crate) async fn read(schemas: &PgSchemas, database: &str) -> Arc<SchemaSnapshot> {
    schemas.read(&place(database)).await.unwrap_or_else(|error| panic!("reading {database}: {error}"))
}

pub(crate) fn place(database: &str) -> DatabasePlace {
    DatabasePlace { database: DatabaseName::existing(database), is_main: false }
}

#[expect(clippy::disallowed_methods, reason = "PostgreSQL's own programs say what a faithful copy is")]
fn program_of(bin: &Path, program: &str) -> tokio::process::Command {
    tokio::process::Command::new(bin.join(program))
}
