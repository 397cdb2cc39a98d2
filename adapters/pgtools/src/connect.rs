//! Connections, each with the settings that make its work mean the same everywhere.

use crate::{
    copy::undelayed::Undelayed,
    error::{from_sql, sql_state},
    logins::database_logins,
    masking::KEY_SETTING,
    quoting::ident,
    settings::{Login, Place, Server, Settings},
};
use domain::branch::{DatabaseName, OWNER_ROLE};
use ports::driven::{BuildError, LoginPurpose};
use secrecy::ExposeSecret;
use sqlx::{
    AssertSqlSafe, ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::process::Command;

/// Shown in `pg_stat_activity`; what reads a parent for a build has the build's name behind it.
pub(crate) const APPLICATION: &str = "fluxbase builder";

/// A database may carry settings of its own (`ALTER DATABASE .. SET`), and a branch carries its parent's: none may change what a copy holds, stop it
/// half way, or filter its rows in silence.
const OPTIONS: [(&str, &str); 22] = [
    ("search_path", "pg_catalog"),
    ("row_security", "off"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_isolation", "read committed"),
    ("synchronize_seqscans", "off"),
    ("IntervalStyle", "postgres"),
    ("bytea_output", "hex"),
    ("lc_monetary", "C"),
    ("xmloption", "content"),
    ("standard_conforming_strings", "on"),
    ("quote_all_identifiers", "off"),
    ("array_nulls", "on"),
    ("client_min_messages", "warning"),
    // Each of our statements runs once: to compile one over the catalogues took ten times as long as to run it.
    ("jit", "off"),
    KEEPALIVES[0],
    KEEPALIVES[1],
    KEEPALIVES[2],
    KEEPALIVES[3],
];

/// A host that is gone holds no locks for long. The last is for what is still to be sent to it, in milliseconds: more than a copy ever rests.
const KEEPALIVES: [(&str, &str); 4] =
    [("tcp_keepalives_idle", "5"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "3"), ("tcp_user_timeout", "120000")];

/// The admin's transactions are short, and hold locks that others wait for: a process that is frozen in one must not hold them for ever.
const ABANDONED: (&str, &str) = ("idle_in_transaction_session_timeout", "15s");

/// The same for one that is in a transaction all the time, and looks each second.
const FROZEN: (&str, &str) = ("idle_in_transaction_session_timeout", "60s");

impl Settings {
    /// The admin's connection to the metadata database. What it does need not be on disk at once: whoever goes on from there writes to this database too,
    /// and that is on disk only with everything before it. (CREATE and DROP DATABASE are at once, whatever is said.)
    pub(crate) async fn admin(&self) -> Result<PgConnection, BuildError> {
        let options = options(&self.server, &self.admin, &self.metadata_database).options([("synchronous_commit", "off"), ABANDONED]);
        connect(options, &GUARDED).await
    }

    /// The admin's connection by which is seen who is in the way of others: it waits for nobody.
    pub(crate) async fn watcher(&self) -> Result<PgConnection, BuildError> {
        self.watching(ABANDONED).await
    }

    /// The admin's connection that stays in a transaction, and looks from there at each second who fills the table of locks.
    pub(crate) async fn guard(&self) -> Result<PgConnection, BuildError> {
        self.watching(FROZEN).await
    }

    async fn watching(&self, gone: (&str, &str)) -> Result<PgConnection, BuildError> {
        connect(options(&self.server, &self.admin, &self.metadata_database).options([("lock_timeout", "2s"), gone]), &GUARDED).await
    }

    /// The admin's connection into a database that nobody else is in yet: to prepare it, and for what only the admin can make.
    pub(crate) async fn admin_in(&self, new: &DatabaseName) -> Result<PgConnection, BuildError> {
        self.open(&self.admin, new).await
    }

    /// The admin's connection into somebody's database, where a branch's login left something.
    pub(crate) async fn admin_at(&self, open: &DatabaseName) -> Result<PgConnection, BuildError> {
        self.open(&self.admin, open).await
    }

    /// The connection that writes a branch, as the role that owns it. What it does need not be on disk at once: a half-built branch is built anew.
    ///
    /// It reads views: materialised views stand on them, and functions that checks and indexes call. It has no more rights than whoever wrote them.
    pub(crate) async fn builder_in(&self, branch: &DatabaseName) -> Result<PgConnection, BuildError> {
        let mut connection = self.connect_into(branch, self.builder_options(branch), &UNTIMED).await?;
        become_owner(&mut connection).await?;
        Ok(connection)
    }

    /// The same to write rows by.
    pub(crate) async fn writer_in(&self, branch: &DatabaseName) -> Result<PgConnection, BuildError> {
        let mut options = self.builder_options(branch);
        let way = match &self.server.place {
            // Where there is none, what it is there for is done more slowly.
            Place::Host(host) => Undelayed::to(host, self.server.port).await.ok(),
            Place::SocketFolder(_) => None,
        };
        if let Some(way) = &way {
            options = options.socket(way.folder());
        }
        let mut connection = connect(options, &UNTIMED).await?;
        become_owner(&mut connection).await?;
        Ok(connection)
    }

    fn builder_options(&self, branch: &DatabaseName) -> PgConnectOptions {
        options(&self.server, &self.login(LoginPurpose::Builder, branch), branch).options([("synchronous_commit", "off")])
    }

    /// The connection that reads what a parent is. `name` is what it is known by: [`APPLICATION`], or a build's.
    pub(crate) async fn reader_in(&self, parent: &DatabaseName, is_main: bool, name: &str) -> Result<PgConnection, BuildError> {
        self.open_reader(parent, is_main, name, &[]).await
    }

    /// The connection that reads a parent's rows, and masks what it reads: the secret goes with the session, not with any statement, so that no log shows it.
    pub(crate) async fn row_reader_in(&self, parent: &DatabaseName, is_main: bool, name: &str) -> Result<PgConnection, BuildError> {
        self.open_reader(parent, is_main, name, &[(KEY_SETTING, self.masking.key_of(parent, is_main).expose_secret())]).await
    }

    async fn open_reader(&self, parent: &DatabaseName, is_main: bool, name: &str, more: &[(&str, &str)]) -> Result<PgConnection, BuildError> {
        let options = options(&self.server, &self.reader(parent, is_main), parent)
            .options([("synchronous_commit", "off")])
            .options(more.iter().copied())
            .application_name(name);
        if is_main {
            return connect(options, &GUARDED).await;
        }
        let mut connection = self.connect_into(parent, options, &GUARDED).await?;
        become_owner(&mut connection).await?;
        Ok(connection)
    }

    /// A connection into a branch as one of its logins.
    pub(crate) async fn login_in(&self, purpose: LoginPurpose, branch: &DatabaseName) -> Result<PgConnection, BuildError> {
        self.connect_into(branch, options(&self.server, &self.login(purpose, branch), branch), &GUARDED).await
    }

    /// Connects by one of a branch's logins. Code that ran over it may have changed its password: it is put right, once.
    async fn connect_into(
        &self,
        branch: &DatabaseName,
        options: PgConnectOptions,
        settings: &'static [&'static str],
    ) -> Result<PgConnection, BuildError> {
        match try_connect(&options, settings).await {
            Err(error) if sql_state(&error).is_some_and(|state| [WRONG_PASSWORD, UNREADABLE_PASSWORD].contains(&state.as_str())) => {
                tracing::warn!(database = %branch, "the password of a branch's login was changed in the branch, and is put right");
                database_logins::restore_at_once(self, branch).await?;
                connect(options, settings).await
            }
            outcome => outcome.map_err(|error| not_connected(&options, error)),
        }
    }

    async fn open(&self, login: &Login, database: &DatabaseName) -> Result<PgConnection, BuildError> {
        connect(options(&self.server, login, database), &GUARDED).await
    }
}

/// No limit to a transaction, from 17 on.
const UNTIMED: [&str; 1] = ["transaction_timeout"];

/// Beside that, a table that somebody puts a view in the place of runs none of that view's functions with our rights (CVE-2024-7348); `pg_dump` does the same.
const GUARDED: [&str; 2] = ["transaction_timeout", "restrict_nonsystem_relation_kind"];

/// The settings are said once connected: a name that the server does not know would refuse the connection. Where the server can, it looks whether we are still
/// there while a statement waits: what nobody waits for any more does not go on waiting for somebody's lock.
async fn connect(options: PgConnectOptions, settings: &'static [&'static str]) -> Result<PgConnection, BuildError> {
    try_connect(&options, settings).await.map_err(|error| not_connected(&options, error))
}

fn not_connected(options: &PgConnectOptions, error: sqlx::Error) -> BuildError {
    from_sql(format!("connecting to '{}' as '{}'", options.get_database().unwrap_or_default(), options.get_username()), error)
}

async fn try_connect(options: &PgConnectOptions, settings: &'static [&'static str]) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    sqlx::query(
        "select set_config(name, case name when 'transaction_timeout' then '0' when 'client_connection_check_interval' then '2s'
                                          else 'view, foreign-table' end, false)
           from pg_settings where name = any($1) or (name = 'client_connection_check_interval' and version() like '%linux%')",
    )
    .bind(settings)
    .execute(&mut connection)
    .await?;
    Ok(connection)
}

/// How many locks the server has room for, all processes together, as an expression: the least that it grants. What else lies in its shared memory leaves some
/// more.
macro_rules! room_for_locks {
    () => {
        "(current_setting('max_locks_per_transaction')::int8
          * (current_setting('max_connections')::int8 + current_setting('max_prepared_transactions')::int8 + 1
             + coalesce(current_setting('autovacuum_worker_slots', true), current_setting('autovacuum_max_workers'))::int8
             + current_setting('max_worker_processes')::int8 + current_setting('max_wal_senders')::int8))"
    };
}
pub(crate) use room_for_locks;

/// What PostgreSQL up to 17 says where a login has given itself a password that is so long that it lies in a TOAST table: it reads passwords before it has a
/// database to know that by.
const UNREADABLE_PASSWORD: &str = "XX000";

/// What PostgreSQL says to a password that is not the login's.
const WRONG_PASSWORD: &str = "28P01";

async fn become_owner(connection: &mut PgConnection) -> Result<(), BuildError> {
    run(connection, format!("set role {}", ident(OWNER_ROLE))).await.map_err(|error| from_sql("becoming the owner of branches", error))
}

fn options(server: &Server, login: &Login, database: &DatabaseName) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass()
        .options(OPTIONS)
        .port(server.port)
        .username(&login.user)
        .password(login.password.expose_secret())
        .database(database.as_str())
        .ssl_mode(server.tls)
        .application_name(APPLICATION)
        .disable_statement_logging();
    let options = match &server.root_certificate {
        Some(path) => options.ssl_root_cert(path),
        None => options,
    };
    match &server.place {
        Place::Host(host) => options.host(host),
        Place::SocketFolder(folder) => options.socket(folder),
    }
}

/// Tells a child how to connect. The password goes by environment, which only the same user can read; argv is everybody's.
pub(crate) fn tell_child(command: &mut Command, server: &Server, login: &Login, (options, name): (&str, &str)) {
    let keepalives = KEEPALIVES.map(|(setting, value)| format!("-c {setting}={value}"));
    match &server.place {
        Place::Host(host) => command.env("PGHOST", host),
        Place::SocketFolder(folder) => command.env("PGHOST", folder),
    };
    command
        .env("PGPORT", server.port.to_string())
        .env("PGUSER", &login.user)
        .env("PGPASSWORD", login.password.expose_secret())
        .env("PGSSLMODE", ssl_mode(server.tls))
        .env("PGAPPNAME", name)
        .env("PGOPTIONS", format!("{options} {}", keepalives.join(" ")));
    if let Some(path) = &server.root_certificate {
        command.env("PGSSLROOTCERT", path);
    }
}

/// As libpq spells it.
fn ssl_mode(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}

/// Runs statements whose text was put together from quoted parts.
pub(crate) async fn run(connection: &mut PgConnection, sql: impl Into<String>) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(connection).await.map(|_| ())
}

/// The server's major version.
pub(crate) fn major(connection: &PgConnection) -> u32 {
    connection.server_version_num().unwrap_or_default() / 10_000
}
