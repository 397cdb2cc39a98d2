//! Connections of the login that migrates, and the check that it can do no more than it should.

use super::{
    failure::{from_sql, refused, sqlstate, unreachable},
    settings::{MigrationSettings, Seat},
};
use crate::{
    provision::ident,
    wire::{Host, Target, TlsMode},
};
use domain::{OperationId, branch::DatabaseName};
use ports::driven::{DatabasePlace, MigrationError};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use std::time::Duration;

/// Shown in `pg_stat_activity`, with the operation where it is part of one.
const APPLICATION: &str = "fluxbase migrations";

/// The sessions of this login that bear a name.
const OTHERS_OF: &str = "from pg_stat_activity
     where datname = current_database() and usename = session_user and application_name = $1 and pid <> pg_backend_pid()";

/// What PostgreSQL says to a password that is not the login's.
const WRONG_PASSWORD: &str = "28P01";

/// How long a session may take to end.
const PARTING: Duration = Duration::from_secs(5);

/// What a database or a role says otherwise must not stop or bend the work.
const SETTINGS: [(&str, &str); 14] = [
    ("search_path", "pg_catalog"),
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_deferrable", "off"),
    ("standard_conforming_strings", "on"),
    // The ledger's columns are told by the names of their types.
    ("quote_all_identifiers", "off"),
    ("client_min_messages", "warning"),
    ("check_function_bodies", "on"),
    // A host that is gone keeps nobody from its turn: PostgreSQL knows within 20 seconds, less than a lease and the wait for the turn together.
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];

impl MigrationSettings {
    /// A connection to the target in the owner's role. The search path is `pg_catalog` alone.
    pub(super) async fn connect(&self, target: &DatabasePlace, operation: Option<OperationId>) -> Result<PgConnection, MigrationError> {
        let seat = self.seat(target)?;
        let options = options(&self.server, &seat, &target.database).application_name(&application(operation));
        let mut connection = match options.connect().await {
            Err(error) if !target.is_main && sqlstate(&error).as_deref() == Some(WRONG_PASSWORD) => {
                self.restore_logins(target).await;
                options.connect().await
            }
            outcome => outcome,
        }
        .map_err(|error| unreachable(&target.database, error))?;
        prepare(&mut connection, self.limits.lock_timeout).await.map_err(|error| unreachable(&target.database, error))?;
        check_login(&mut connection, target.is_main).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("set role {}", ident(&seat.role))))
            .execute(&mut connection)
            .await
            .map_err(|error| unreachable(&target.database, error))?;
        Ok(connection)
    }

    /// Ends the sessions of an operation, and waits until they are gone.
    pub(super) async fn end_sessions(&self, target: &DatabasePlace, operation: OperationId) -> Result<(), MigrationError> {
        let mut connection = self.connect(target, None).await?;
        let failed = |error| from_sql("ending what an earlier turn has left at work", error);
        // A login ends its own sessions; the role that it became does not.
        sqlx::raw_sql("set role none").execute(&mut connection).await.map_err(failed)?;
        let name = application(Some(operation));
        let ended: Vec<bool> = sqlx::query_scalar(AssertSqlSafe(format!("select pg_terminate_backend(pid, $2) {OTHERS_OF}")))
            .bind(&name)
            .bind(i64::try_from(PARTING.as_millis()).unwrap_or(i64::MAX))
            .fetch_all(&mut connection)
            .await
            .map_err(failed)?;
        // One that went by itself meanwhile could not be ended.
        let left: i64 =
            sqlx::query_scalar(AssertSqlSafe(format!("select count(*) {OTHERS_OF}"))).bind(&name).fetch_one(&mut connection).await.map_err(failed)?;
        let _ = connection.close().await;
        if !ended.is_empty() {
            tracing::info!(database = %target.database, operation.id = %operation, sessions = ended.len(), "ended what an earlier turn had left at work");
        }
        if left > 0 {
            return Err(MigrationError::Retryable { message: "what an earlier turn has left at work does not end".to_owned(), source: None });
        }
        Ok(())
    }
}

fn application(operation: Option<OperationId>) -> String {
    operation.map_or_else(|| APPLICATION.to_owned(), |operation| format!("{APPLICATION} {operation}"))
}

/// Said once connected, and again where a file has taken all settings back; not with the connection's first message: poolers in session mode refuse what they do not know in that.
///
/// Of the settings that not every server knows: when the server no longer hears from us it stops the statement, so that nothing works on in a database that
/// somebody else has taken over; and a table that somebody puts a view in the place of runs none of that view's functions (CVE-2024-7348).
pub(super) async fn prepare(connection: &mut PgConnection, lock_timeout: Duration) -> Result<(), sqlx::Error> {
    let lock_timeout = ("lock_timeout", lock_timeout.as_millis().to_string());
    let said = SETTINGS.map(|(name, value)| (name, value.to_owned())).into_iter().chain([lock_timeout]);
    // The search path comes first: SET calls nobody's functions.
    let said: Vec<_> = said.map(|(name, value)| format!("set {name} = '{value}'")).collect();
    sqlx::raw_sql(AssertSqlSafe(said.join("; "))).execute(&mut *connection).await?;
    sqlx::query(
        "select set_config(name, case name when 'transaction_timeout' then '0' when 'client_connection_check_interval' then '2s' end, false)
           from pg_catalog.pg_settings
          where name = 'transaction_timeout' or (name = 'client_connection_check_interval' and version() like '%linux%')",
    )
    .persistent(false)
    .execute(connection)
    .await
    .map(drop)
}

#[derive(sqlx::FromRow)]
struct Powers {
    name: String,
    superuser: bool,
    makes: bool,
    reaches: Option<String>,
}

/// Refuses a login that could do more than its work, whoever altered it since the server started. On main it may be the admin, where that is no superuser.
/// That it may read past policies is no more than its work: it acts for the owner, who may lift them.
async fn check_login(connection: &mut PgConnection, is_main: bool) -> Result<(), MigrationError> {
    let powers: Powers = sqlx::query_as(
        "select rolname::text as name, rolsuper as superuser, rolcreatedb or rolcreaterole or rolreplication as makes,
                (select min(o.rolname::text) from pg_roles o
                  where (o.rolsuper or o.rolname in ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'))
                    and pg_has_role(session_user, o.oid, 'MEMBER')) as reaches
           from pg_roles where rolname = session_user",
    )
    .fetch_one(connection)
    .await
    .map_err(|error| refused("unsafe_login", format!("what the login may do cannot be seen: {error}")))?;
    let excess = match &powers {
        Powers { superuser: true, .. } => "is a superuser".to_owned(),
        Powers { reaches: Some(role), .. } => format!("can become '{role}'"),
        Powers { makes: true, .. } if !is_main => "may create databases or roles, or replicate".to_owned(),
        _ => return Ok(()),
    };
    let message = format!("login '{}' {excess}: what people wrote is not run over it. Take that from it, then try again", powers.name);
    Err(refused("unsafe_login", message))
}

fn options(server: &Target, seat: &Seat, database: &DatabaseName) -> PgConnectOptions {
    let tls = match server.tls {
        TlsMode::Disable => PgSslMode::Disable,
        TlsMode::Prefer => PgSslMode::Prefer,
        TlsMode::Require => PgSslMode::Require,
        TlsMode::VerifyCa => PgSslMode::VerifyCa,
        TlsMode::VerifyFull => PgSslMode::VerifyFull,
    };
    let options = PgConnectOptions::new_without_pgpass()
        .username(&seat.login.name)
        .password(seat.login.password.expose())
        .database(database.as_str())
        .extra_float_digits(None)
        .ssl_mode(tls)
        .disable_statement_logging();
    let options = match &server.root_certificate {
        Some(path) => options.ssl_root_cert(path),
        None => options,
    };
    match &server.host {
        Host::Tcp(host, port) => options.host(host).port(*port),
        Host::Unix(folder, port) => options.socket(folder).port(*port),
    }
}

/// The path that names in a file are looked up in: what this database's own sessions have, with `public` where nobody has said anything.
pub(super) async fn search_path_of_database(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar(
        r"select coalesce(
              (select substr(setting, length('search_path=') + 1)
                 from pg_db_role_setting s, unnest(s.setconfig) setting
                where s.setrole = 0 and s.setdatabase = (select oid from pg_database where datname = current_database())
                  and setting like 'search\_path=%'),
              'public, extensions')",
    )
    .fetch_one(connection)
    .await
}
