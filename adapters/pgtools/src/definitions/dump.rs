//! `pg_dump` of a parent's definitions.

use crate::{
    child::{self, ChildError},
    connect::tell_child,
    quoting::ident,
    settings::Settings,
};
use domain::branch::{DatabaseName, OWNER_ROLE};
use sqlx::PgConnection;

/// How long the dump waits for a lock: shorter than the time after which PostgreSQL looks for deadlocks, so that it never makes a victim of others.
const LOCK_WAIT: &str = "--lock-wait-timeout=900";

/// A database's own settings must not change how definitions are written.
const OPTIONS: &str = "-c statement_timeout=0 -c jit=off -c standard_conforming_strings=on -c quote_all_identifiers=off";

/// Where the server can, it looks whether the program is still there while a statement of its waits for a lock.
const WATCHED: &str = "-c client_connection_check_interval=2s";

/// What is dumped by.
pub(crate) struct Snapshot {
    name: String,
    watched: bool,
}

impl Snapshot {
    /// That of a reader's transaction.
    pub(crate) async fn of(reader: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let exported = "select pg_export_snapshot(), current_setting('client_connection_check_interval') <> '0'";
        let (name, watched) = sqlx::query_as(exported).fetch_one(reader).await?;
        Ok(Self { name, watched })
    }
}

/// Dumps in custom format what the snapshot sees of a database, as its reader, without the schemas that are left out; `options` say what else is not wanted.
pub(crate) async fn definitions(
    settings: &Settings,
    (database, is_main, name): (&DatabaseName, bool, &str),
    snapshot: &Snapshot,
    excluded: &[String],
    options: &[&str],
) -> Result<Vec<u8>, ChildError> {
    let mut command = child::command(&settings.tools.pg_dump);
    tell_child(&mut command, &settings.server, &settings.reader(database, is_main), (&settings_of(snapshot), name));
    command.env("PGDATABASE", database.as_str());
    command.args(["--format=custom", "--schema-only", "--no-tablespaces", "--no-security-labels", "--no-publications", "--no-subscriptions"]);
    command.arg(LOCK_WAIT).arg(format!("--snapshot={}", snapshot.name)).args(options);
    if !is_main {
        command.arg(format!("--role={OWNER_ROLE}"));
    }
    // A pattern in double quotes stands for exactly that name.
    command.args(excluded.iter().map(|schema| format!("--exclude-schema={}", ident(schema))));
    child::run(command, &[], |_| false).await
}

fn settings_of(snapshot: &Snapshot) -> String {
    if snapshot.watched { format!("{OPTIONS} {WATCHED}") } else { OPTIONS.to_owned() }
}
