//! What tests of provisioning share: databases, connections, and a box that seals nothing.

use fluxbase_postgres::provision::ProvisionOptions;
use ports::driven::{Secret, SecretBox};
use sqlx::{
    AssertSqlSafe, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::cluster::{PASSWORD, cluster};

/// Keeps secrets readable, and tells its key and purpose.
pub(crate) struct TestBox(pub(crate) u8);

impl SecretBox for TestBox {
    fn seal(&self, purpose: &str, secret: &Secret) -> Vec<u8> {
        format!("{}|{purpose}|{}", self.0, secret.expose()).into_bytes()
    }

    fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Secret> {
        let text = std::str::from_utf8(sealed).ok()?;
        text.strip_prefix(&format!("{}|{purpose}|", self.0)).map(Secret::new)
    }

    fn fingerprint(&self) -> String {
        format!("key {}", self.0)
    }
}

pub(crate) fn options() -> ProvisionOptions {
    ProvisionOptions { schemas: vec!["public".to_owned()], ours: false }
}

pub(crate) async fn connect(user: &str, password: &str, database: &str) -> PgPool {
    let to =
        PgConnectOptions::new_without_pgpass().socket(&cluster().folder).port(cluster().port).username(user).password(password).database(database);
    // One connection, so that SET ROLE holds for what follows.
    let connections = if user.starts_with("fluxbase_") || user.ends_with("_admin") { 1 } else { 3 };
    PgPoolOptions::new().max_connections(connections).min_connections(0).connect_with(to).await.unwrap()
}

pub(crate) async fn superuser(database: &str) -> PgPool {
    connect("postgres", PASSWORD, database).await
}

/// An empty database of its own for a test, over the superuser.
pub(crate) async fn fresh_database(name: &str) -> PgPool {
    let root = superuser("postgres").await;
    sqlx::raw_sql(AssertSqlSafe(format!("create database {name}"))).execute(&root).await.unwrap();
    root.close().await;
    superuser(name).await
}

pub(crate) async fn migrate_control(pool: &PgPool) {
    let mut migrator = sqlx::migrate!("../../migrations/control");
    migrator.create_schema("fluxbase");
    migrator.dangerous_set_table_name("fluxbase.control_migrations");
    migrator.run(pool).await.unwrap();
}

/// A database that can be provisioned.
pub(crate) async fn prepared(name: &str) -> PgPool {
    let pool = fresh_database(name).await;
    migrate_control(&pool).await;
    pool
}

pub(crate) async fn count(pool: &PgPool, from: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {from}"))).fetch_one(pool).await.unwrap()
}

pub(crate) async fn text(pool: &PgPool, sql: &str) -> Option<String> {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(pool).await.unwrap()
}

pub(crate) async fn run(pool: &PgPool, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool).await.map(drop)
}
