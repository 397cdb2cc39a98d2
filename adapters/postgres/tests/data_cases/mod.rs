//! What the cases share: a world of their own, and short ways to ask in it.

mod changing;
mod counting;
mod embedding;
mod filtering;
mod guarding;
mod inserting;
mod streaming;
mod updating;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use domain::{
    Access, BranchId, Failure, Generation, Principal, Slug, UserId,
    access::{KeyId, PrincipalKind, Restrictions, Role},
    branch::DatabaseName,
    table::{
        QualifiedName, Select, Shape, TableName,
        grammar::{QueryParams, TableQuery},
    },
};
use fluxbase_postgres::{
    data::{Login, PgBranchDatabases, Settings},
    wire::Target,
};
use ports::driven::{
    BranchDatabases, BranchRoute, BranchSession, DatabaseLogin, DatabaseLogins, Document, LoginPurpose, NoLoginRestorer, Rows, Secret,
    SecurityContext, Written,
};
use secrecy::SecretString;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tokio::sync::OnceCell;

use crate::cluster::{PASSWORD, cluster};

const SCHEMA: &str = include_str!("schema.sql");
const TEMPLATE: &str = "data_template";
const ROLES: &str = "
    create role anon nologin;
    create role authenticated nologin;
    create role service_role nologin bypassrls;
    create role data_user login noinherit password 'user secret' in role anon, authenticated;
    create role data_service login noinherit password 'service secret' in role service_role;";

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum Who {
    Alice,
    Bob,
    Anon,
    Service,
}

/// A database of one test.
pub(crate) struct World {
    pub(crate) databases: PgBranchDatabases,
    pub(crate) name: DatabaseName,
    pub(crate) admin: PgConnection,
}

pub(crate) async fn connect(database: &str) -> PgConnection {
    let cluster = cluster();
    let folder = cluster.folder.to_str().unwrap().replace('/', "%2F");
    let url = format!("postgres://postgres:{}@{folder}:{}/{database}", PASSWORD.replace(' ', "%20"), cluster.port);
    PgConnection::connect(&url).await.unwrap()
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.unwrap();
}

/// Makes the roles and the database that every other one is copied from.
async fn template() {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let make = async || {
        let mut admin = connect("postgres").await;
        run(&mut admin, ROLES).await;
        run(&mut admin, &format!("create database {TEMPLATE}")).await;
        let mut inside = connect(TEMPLATE).await;
        run(&mut inside, SCHEMA).await;
        inside.close().await.unwrap();
    };
    MADE.get_or_init(make).await;
}

/// The databases of these tests share their logins: what is looked at is what happens inside them.
#[derive(Debug)]
struct SharedLogins;

impl DatabaseLogins for SharedLogins {
    fn of(&self, purpose: LoginPurpose, _: &DatabaseName) -> DatabaseLogin {
        let password = if purpose == LoginPurpose::User { "user secret" } else { "service secret" };
        DatabaseLogin { name: self.image(purpose).to_owned(), password: Secret::new(password) }
    }

    fn image(&self, purpose: LoginPurpose) -> &str {
        if purpose == LoginPurpose::User { "data_user" } else { "data_service" }
    }
}

impl World {
    pub(crate) async fn new(name: &str) -> Self {
        Self::with(name, |_| ()).await
    }

    /// A world whose settings are not the usual ones.
    pub(crate) async fn with(name: &str, change: impl FnOnce(&mut Settings)) -> Self {
        template().await;
        let name = format!("data_{name}");
        let mut admin = connect("postgres").await;
        {
            static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
            let _turn = TURN.lock().await; // a template can be copied by one at a time only
            run(&mut admin, &format!("create database {name} template {TEMPLATE}")).await;
        }
        let admin = connect(&name).await;
        let server: Target = format!("postgres://x@127.0.0.1:{}/x?sslmode=disable", cluster().port).parse().unwrap();
        let login = |name: &str, password: &str| Login { name: name.to_owned(), password: Some(SecretString::from(password)) };
        let mut settings = Settings {
            server,
            main_user: login("data_user", "user secret"),
            main_service: login("data_service", "service secret"),
            logins: Arc::new(SharedLogins),
            restorer: Arc::new(NoLoginRestorer),
            main_database: DatabaseName::existing("nobody"),
            main_service_role: "service_role".to_owned(),
            branch_service_role: "service_role".to_owned(),
            schemas: vec!["public".to_owned()],
            statement_timeout: Duration::from_secs(10),
            catalogue_timeout: Duration::from_secs(30),
            acquire_timeout: Duration::from_secs(10),
            max_connections: NonZeroUsize::new(4).unwrap(),
        };
        change(&mut settings);
        Self { databases: PgBranchDatabases::new(settings), name: DatabaseName::existing(name), admin }
    }

    pub(crate) async fn sql(&mut self, sql: &str) {
        run(&mut self.admin, sql).await;
    }

    /// The one value of one row, as the admin sees it.
    pub(crate) async fn value(&mut self, sql: &str) -> String {
        let sql = format!("select ({sql})::text");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut self.admin).await.unwrap()
    }

    pub(crate) async fn session(&self, who: Who, access: Access) -> Box<dyn BranchSession> {
        self.restricted(who, access, Restrictions::default()).await
    }

    pub(crate) async fn restricted(&self, who: Who, access: Access, restrictions: Restrictions) -> Box<dyn BranchSession> {
        let (role, sub) = match who {
            Who::Alice => (Role::Authenticated, "alice"),
            Who::Bob => (Role::Authenticated, "bob"),
            Who::Anon => (Role::Anon, ""),
            Who::Service => (Role::Service, ""),
        };
        let principal = Principal {
            kind: PrincipalKind::ApiKey(KeyId::from_uuid(uuid::Uuid::from_u128(who as u128))),
            role,
            user_id: None::<UserId>,
            claims: format!(r#"{{"sub":"{sub}","role":"{}"}}"#, role.name()),
            restrictions,
            ..Principal::internal()
        };
        let id = BranchId::from_uuid(uuid::Uuid::nil());
        let route = BranchRoute { id, slug: Slug::main(), generation: Generation::FIRST, database: self.name.clone() };
        self.databases.open(&SecurityContext { route, principal: Arc::new(principal), access }).await.unwrap()
    }

    pub(crate) async fn rows(&self, who: Who, select: &Select) -> Result<Rows, Failure> {
        self.session(who, Access::Read).await.select(select).await
    }

    /// What `GET table?query` would answer.
    pub(crate) async fn try_read(&self, who: Who, table: &str, text: &str) -> Result<Value, Failure> {
        let rows = self.rows(who, &select(table, text)).await?;
        json(rows.document).await
    }

    pub(crate) async fn read(&self, who: Who, table: &str, text: &str) -> Value {
        self.try_read(who, table, text).await.unwrap_or_else(|failure| panic!("{table}?{text}: {failure:?}"))
    }

    pub(crate) async fn refused(&self, who: Who, table: &str, text: &str) -> Failure {
        match self.try_read(who, table, text).await {
            Ok(rows) => panic!("{table}?{text}: {rows}"),
            Err(failure) => failure,
        }
    }

    /// The SQLSTATE that a read ends with.
    pub(crate) async fn sqlstate(&self, who: Who, table: &str, text: &str) -> String {
        match self.refused(who, table, text).await {
            Failure::Database(sql) => sql.sqlstate,
            other => panic!("{table}?{text}: {other:?}"),
        }
    }
}

/// Reads `select=..&filter..` in its decoded form.
pub(crate) fn query(text: &str) -> TableQuery {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap()).map(|(name, value)| (name.to_owned(), value.replace('§', "&")));
    QueryParams::parse(pairs).unwrap_or_else(|faults| panic!("{text}: {faults:?}"))
}

pub(crate) fn select(table: &str, text: &str) -> Select {
    let query = query(text);
    Select {
        table: table_name(table),
        columns: query.select,
        filter: query.filter,
        order: query.order,
        tie_break: false,
        limit: query.limit,
        offset: query.offset,
        count: None,
        shape: Shape::Array,
        max_bytes: None,
    }
}

pub(crate) fn table_name(table: &str) -> TableName {
    TableName::parse(table)
}

pub(crate) async fn text(mut document: Box<dyn Document>) -> Result<String, Failure> {
    let mut text = Vec::new();
    while let Some(chunk) = document.next().await? {
        assert!(chunk.len() <= 64 * 1024);
        text.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(text).unwrap())
}

pub(crate) async fn json(document: Box<dyn Document>) -> Result<Value, Failure> {
    let text = text(document).await?;
    Ok(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

/// What a write gave back.
pub(crate) async fn returned(written: Written) -> Value {
    json(written.document.expect("rows were asked for")).await.unwrap()
}

pub(crate) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn only_tables(tables: &[&str]) -> Restrictions {
    let tables = tables.iter().map(|name| QualifiedName::new("public", *name)).collect();
    Restrictions { tables: Some(tables), ..Restrictions::default() }
}
