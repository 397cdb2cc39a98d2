//! The cases, by what they are about, and the branch that each has to itself.

mod applying;
mod attacks;
mod giving_way;
mod on_main;
mod seeding;
mod without_transaction;

use crate::{
    provision_rig::{TestBox, options, prepared, superuser},
    provision_server::server,
};
use async_trait::async_trait;
use domain::{branch::DatabaseName, migration::MigrationFile};
use fluxbase_postgres::{
    migrations::{MigrationLimits, MigrationSettings, PgMigrationRunner},
    provision::{Login, Logins, provision},
};
use ports::driven::{
    AppliedFile, ApplyRequest, DatabaseLogin, DatabaseLogins, DatabasePlace, FileFailure, LoginPurpose, MigrationError, MigrationEvent,
    MigrationProgress, MigrationRunner, NoLoginRestorer, NoMigrationProgress,
};
use sqlx::{AssertSqlSafe, PgPool};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::OnceCell;

/// Short, so that tests are.
pub(crate) const LIMITS: MigrationLimits = MigrationLimits {
    first_lock_timeout: Duration::from_millis(20),
    lock_timeout: Duration::from_millis(100),
    attempts: 3,
    first_pause: Duration::from_millis(5),
    longest_pause: Duration::from_millis(50),
    turn: Duration::from_secs(20),
    max_sql_bytes: 1024 * 1024,
};

/// The logins belong to the whole server: one metadata database makes them.
pub(crate) async fn logins() -> &'static Logins {
    static LOGINS: OnceCell<Logins> = OnceCell::const_new();
    LOGINS
        .get_or_init(|| async {
            let pool = prepared("migrations_metadata").await;
            provision(&pool, &TestBox(1), &options()).await.unwrap().logins
        })
        .await
}

/// The instance's builder, whichever the database.
#[derive(Debug)]
pub(crate) struct OneBuilder(pub(crate) Login);

impl DatabaseLogins for OneBuilder {
    fn of(&self, _purpose: LoginPurpose, _database: &DatabaseName) -> DatabaseLogin {
        DatabaseLogin { name: self.0.name.clone(), password: self.0.password.clone() }
    }

    fn image(&self, _purpose: LoginPurpose) -> &str {
        &self.0.name
    }
}

/// A database as the branch builder leaves it, and what runs in it.
pub(crate) struct Branch {
    pub(crate) settings: MigrationSettings,
    pub(crate) runner: PgMigrationRunner,
    pub(crate) target: DatabasePlace,
    /// A superuser's look at it.
    pub(crate) root: PgPool,
}

pub(crate) async fn branch(name: &str) -> Branch {
    let logins = logins().await;
    let builder = &logins.builder.name;
    let database = format!("branch_{name}");
    let root = superuser("postgres").await;
    for sql in [
        format!("create database {database} template template0"),
        format!("revoke all on database {database} from public"),
        format!("grant create, temporary on database {database} to fluxbase_branch_owner"),
        format!("grant connect on database {database} to \"{builder}\""),
    ] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&root).await.unwrap();
    }
    root.close().await;
    let root = superuser(&database).await;
    sqlx::raw_sql("alter schema public owner to fluxbase_branch_owner").execute(&root).await.unwrap();
    let settings = MigrationSettings {
        server: server(),
        logins: Arc::new(OneBuilder(logins.builder.clone())),
        restorer: Arc::new(NoLoginRestorer),
        main: Err("these tests have no main".to_owned()),
        limits: LIMITS,
        seeds_dir: PathBuf::new(),
    };
    let target = DatabasePlace { database: DatabaseName::existing(database), is_main: false };
    Branch { runner: PgMigrationRunner::new(settings.clone()), settings, target, root }
}

impl Branch {
    pub(crate) fn file(&self, name: &str, sql: &str) -> MigrationFile {
        MigrationFile::read(name, sql.as_bytes(), |text| self.runner.checksum(text)).unwrap()
    }

    pub(crate) fn request(&self, files: &[(&str, &str)]) -> ApplyRequest {
        let files = files.iter().map(|(name, sql)| self.file(name, sql)).collect();
        ApplyRequest {
            branch: "pr-1".parse().unwrap(),
            target: self.target.clone(),
            files,
            who: "user:test".to_owned(),
            operation: None,
            observe: false,
        }
    }

    pub(crate) async fn apply(&self, files: &[(&str, &str)]) -> Result<Vec<AppliedFile>, MigrationError> {
        self.runner.apply(&self.request(files), Arc::new(NoMigrationProgress)).await
    }

    /// Applies one file that fails in itself.
    pub(crate) async fn fails(&self, name: &str, sql: &str) -> FileFailure {
        failure(self.apply(&[(name, sql)]).await.unwrap_err())
    }

    /// What is not done as things stand, by its code.
    pub(crate) async fn refused(&self, name: &str, sql: &str) -> (&'static str, String) {
        refusal(self.apply(&[(name, sql)]).await.unwrap_err())
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        let text: Option<String> = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&self.root).await.unwrap();
        text.unwrap_or_default()
    }

    /// As the branch's owner: whoever holds its connection URL.
    pub(crate) async fn as_owner(&self, sql: &str) {
        let sql = format!("set role fluxbase_branch_owner; {sql}; reset role");
        let mut connection = self.root.acquire().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await.unwrap();
    }

    /// As the superuser.
    pub(crate) async fn run(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.root).await.unwrap();
    }
}

pub(crate) fn failure(error: MigrationError) -> FileFailure {
    match error {
        MigrationError::File { failure, .. } => *failure,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn refusal(error: MigrationError) -> (&'static str, String) {
    match error {
        MigrationError::Refused { code, message } => (code, message),
        other => panic!("{other:?}"),
    }
}

/// Remembers what it was told, and may do something at one of them.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) events: Mutex<Vec<MigrationEvent>>,
    pub(crate) rang: tokio::sync::Notify,
}

#[async_trait]
impl MigrationProgress for Told {
    async fn told(&self, event: MigrationEvent) -> Result<(), MigrationError> {
        self.events.lock().unwrap().push(event);
        self.rang.notify_one();
        Ok(())
    }
}
