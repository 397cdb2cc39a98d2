//! What the cases share: a main database of their own, and a builder over it.

mod big;
mod busy_parent;
mod bytes;
mod changed_passwords;
mod closure;
mod code_of_the_server;
mod compared;
mod connections;
mod doors;
mod empty_tables;
mod equality;
mod extensions;
mod foreign_tables;
mod granted_logins;
mod held;
mod in_the_way;
mod latecomers;
mod left_behind;
mod locks;
mod mains_settings;
mod masked_objects;
mod masking;
mod own_path;
mod past_policies;
mod people;
mod privileges;
mod revoked_logins;
mod room;
mod secrets;
mod seen_off;
mod sentinels;
mod stock;
mod superusers;
mod swept_logins;
mod telling;

use crate::cluster::{self, Cluster, cluster};
use async_trait::async_trait;
use auth::DerivedDatabaseLogins;
use domain::{
    BranchId, DataCloneMode, Generation, StepName, UserId,
    branch::{DatabaseName, Withheld},
    privacy::PrivacyRules,
    table::QualifiedName,
};
use fluxbase_pgtools::{Login, LoginSessions, MaskingSettings, PgBranchBuilder, Place, Server, Settings, StockSettings, Tools};
use ports::driven::{BranchBuilder, BuildError, BuildProgress, BuildReport, BuildRequest, DatabaseTag};
use sqlx::{
    AssertSqlSafe, ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

/// What values are masked by.
const MASK_KEY: &str = "a5eceefa5eceefa5eceefa5eceef";

/// A main database, and the settings of an instance over it.
struct House {
    cluster: &'static Cluster,
    main: DatabaseName,
    settings: Settings,
}

/// Whose house it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Admin {
    Superuser,
    /// CREATEDB and CREATEROLE, nothing more.
    Plain,
}

impl House {
    /// A fresh main database made by `sql`.
    async fn new(admin: Admin, sql: &str) -> Self {
        Self::new_as(admin, "", sql).await
    }

    /// The same as a database with these options.
    async fn new_as(admin: Admin, options: &str, sql: &str) -> Self {
        Self::new_in(cluster(), admin, options, sql).await
    }

    /// The same on that server.
    async fn new_in(cluster: &'static Cluster, admin: Admin, options: &str, sql: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let main = DatabaseName::existing(format!("main_{number}"));
        let (user, logins) = match admin {
            Admin::Superuser => ("postgres", "test"),
            Admin::Plain => ("dba", "dba"),
        };
        let mut connection = try_connect_to(cluster, "postgres", cluster::PASSWORD, "postgres").await.unwrap();
        execute(&mut connection, &format!("create database {main} owner {user} {options}")).await;
        execute(&mut try_connect_to(cluster, user, cluster::PASSWORD, main.as_str()).await.unwrap(), sql).await;
        let login = |user: &str, password: &str| Login { user: user.to_owned(), password: password.to_owned().into() };
        let binaries = &cluster.binaries;
        let settings = Settings {
            tools: Tools { pg_dump: binaries.join("pg_dump"), pg_restore: binaries.join("pg_restore") },
            server: Server { place: Place::Host("127.0.0.1".to_owned()), port: cluster.port, tls: PgSslMode::Disable, root_certificate: None },
            admin: login(user, cluster::PASSWORD),
            logins: Arc::new(DerivedDatabaseLogins::new(
                [number.to_le_bytes()[0]; 32],
                format!("{logins}_user"),
                format!("{logins}_service"),
                format!("{logins}_builder"),
            )),
            metadata_database: main.clone(),
            instance: Uuid::from_u128(u128::from(number) << 96),
            database_prefix: format!("fluxbase_branch{number}_"),
            excluded_tables: Vec::new(),
            masking: MaskingSettings { rules: PrivacyRules::default(), key: MASK_KEY.into() },
            give_way_after: Duration::from_secs(30),
            stock: StockSettings { spares: 1, ..StockSettings::default() },
            clone_rate: 0,
            login_sessions: LoginSessions { traffic: 4, builder: 12, newcomers: 1 },
        };
        Self { cluster, main, settings }
    }

    fn builder(&self) -> PgBranchBuilder {
        PgBranchBuilder::new(self.settings.clone())
    }

    fn target(&self, slug: &str) -> DatabaseTag {
        let id = slug.bytes().fold(1_u128, |id, byte| id * 31 + u128::from(byte));
        let database = DatabaseName::of_generation(&self.settings.database_prefix, &slug.parse().unwrap(), Generation::FIRST);
        DatabaseTag { database, branch_id: BranchId::from_uuid(Uuid::from_u128(id)), generation: Generation::FIRST }
    }

    fn request(&self, slug: &str, clone_mode: DataCloneMode) -> BuildRequest {
        BuildRequest { target: self.target(slug), parent: self.main.clone(), parent_is_main: true, clone_mode, max_age: None, users: Vec::new() }
    }

    async fn build(&self, slug: &str, clone_mode: DataCloneMode) -> Result<BuildReport, BuildError> {
        self.builder().build(&self.request(slug, clone_mode), Arc::new(Quiet)).await
    }

    /// A connection of the superuser.
    async fn look_into(&self, database: &DatabaseName) -> PgConnection {
        try_connect_to(self.cluster, "postgres", cluster::PASSWORD, database.as_str()).await.unwrap()
    }

    async fn count(&self, database: &DatabaseName, sql: &str) -> i64 {
        self.value(database, &format!("select count(*) from {sql}")).await
    }

    async fn value<T>(&self, database: &DatabaseName, sql: &str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.look_into(database).await).await.unwrap()
    }

    /// Databases of this instance, those half made too.
    async fn databases(&self) -> Vec<String> {
        let own = format!("fluxbase_build_{}", &self.settings.instance.simple().to_string()[..8]);
        sqlx::query_scalar("select datname::text from pg_database where starts_with(datname, $1) or starts_with(datname, $2) order by 1")
            .bind(&self.settings.database_prefix)
            .bind(own)
            .fetch_all(&mut self.look_into(&self.main).await)
            .await
            .unwrap()
    }
}

async fn try_connect(user: &str, password: &str, database: &str) -> Result<PgConnection, sqlx::Error> {
    try_connect_to(cluster(), user, password, database).await
}

async fn try_connect_to(cluster: &Cluster, user: &str, password: &str, database: &str) -> Result<PgConnection, sqlx::Error> {
    PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(cluster.port)
        .ssl_mode(PgSslMode::Disable)
        .username(user)
        .password(password)
        .database(database)
        .connect()
        .await
}

async fn connect(user: &str, password: &str, database: &str) -> PgConnection {
    try_connect(user, password, database).await.unwrap()
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    try_execute(connection, sql).await.unwrap_or_else(|error| panic!("{error}\nin {}", sql.get(..200).unwrap_or(sql)));
}

async fn try_execute(connection: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.map(|_| ())
}

/// Hears of everything and wants nothing.
struct Quiet;

#[async_trait]
impl BuildProgress for Quiet {
    async fn step(&self, _: StepName) -> Result<(), BuildError> {
        Ok(())
    }

    async fn advance(&self, _: u64, _: u64, _: &'static str) -> Result<(), BuildError> {
        Ok(())
    }
}

/// Stops when a step begins.
struct StopAt(StepName);

#[async_trait]
impl BuildProgress for StopAt {
    async fn step(&self, step: StepName) -> Result<(), BuildError> {
        if step == self.0 { Err(BuildError::Stopped) } else { Ok(()) }
    }

    async fn advance(&self, _: u64, _: u64, _: &'static str) -> Result<(), BuildError> {
        Ok(())
    }
}

fn refusal(outcome: Result<impl std::fmt::Debug, BuildError>) -> (&'static str, String) {
    match outcome {
        Err(BuildError::Refused { code, message }) => (code, message),
        other => panic!("not refused: {other:?}"),
    }
}

fn withheld_of<'a>(report: &'a BuildReport, schema: &str, table: &str) -> Option<&'a Withheld> {
    report.withheld.iter().find(|entry| entry.table == QualifiedName::new(schema, table))
}

fn some_user() -> UserId {
    UserId::from_uuid(Uuid::from_u128(0xA11CE))
}

fn ruled(house: &mut House, rules: &[(&str, &str)], classified: &[&str]) {
    let rules = rules.iter().map(|(column, mask)| serde_json::from_value(serde_json::json!({"column": column, "as": mask})).unwrap()).collect();
    house.settings.masking.rules = PrivacyRules::new(rules, classified.iter().map(|pattern| pattern.parse().unwrap()).collect()).unwrap();
}
