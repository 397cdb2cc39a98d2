//! What went wrong, told as the port tells it.

use domain::{
    branch::OWNER_ROLE,
    privacy::{without_likely_values, without_values},
};
use ports::driven::BuildError;
use sqlx::{error::DatabaseError, postgres::PgDatabaseError};
use std::borrow::Cow;

/// A refusal.
pub(crate) fn refused(code: &'static str, message: impl Into<String>) -> BuildError {
    BuildError::Refused { code, message: message.into() }
}

/// Something that a later try may get past.
pub(crate) fn retryable(message: impl Into<String>) -> BuildError {
    BuildError::Retryable { message: message.into(), source: None }
}

/// Sorts an error of PostgreSQL: what the server refused by rule stays refused, what came of the moment may be tried again.
///
/// Only the primary message is shown, without the values that it quotes: what is more may be of rows.
pub(crate) fn from_sql(doing: impl std::fmt::Display, error: sqlx::Error) -> BuildError {
    let sqlx::Error::Database(database) = &error else {
        return BuildError::Retryable { message: format!("{doing}: the connection to the database failed"), source: Some(error.into()) };
    };
    let state = database.code().unwrap_or_default().into_owned();
    let message = format!("{doing}: {} (SQLSTATE {state})", told(database.as_ref(), &state));
    if finds_no_name(database.as_ref(), &state) {
        return refused("clone_refused", format!("{message}{WAY_TO_NAMES}"));
    }
    let message = match state.as_str() {
        DISK_FULL => format!("{message}{WAY_TO_ROOM}"),
        "53200" if database.message() == NO_ROOM_FOR_LOCKS => format!("{message}{WAY_TO_LOCKS}"),
        _ => message,
    };
    if of_the_moment(&state) {
        return BuildError::Retryable { message, source: Some(error.into()) };
    }
    let code = if state == "42501" { "insufficient_privilege" } else { "clone_refused" };
    BuildError::Refused { code, message }
}

/// What a function raises may be of rows, as what the server says of values is: which function it was is told instead.
pub(crate) fn told<'e>(error: &'e (dyn DatabaseError + 'static), state: &str) -> Cow<'e, str> {
    let by = context(error).lines().find(|line| is_of_a_routine(line));
    // By the name of PostgreSQL's own function, which is the same in every language.
    let by_statement = error.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::routine) == Some("exec_stmt_raise");
    let raised = by_statement || ["P0", "38"].iter().any(|class| state.starts_with(class)) || by.is_some_and(raises_by_itself);
    if raised {
        return raised_by(by.unwrap_or("a function of the database")).into();
    }
    match without_values(state, error.message()) {
        // Somebody's code, or a copy, was at work on values.
        Cow::Borrowed(message) if !context(error).is_empty() => without_likely_values(message),
        told => told,
    }
}

/// What is told of whoever raised an error.
fn raised_by(routine: &str) -> String {
    format!("{routine} raises an error, whose text may be of rows and is not shown")
}

/// The same of what a program says of PostgreSQL's error, line by line: whoever raised it, as the first line of its context tells, in whatever language. `None` of
/// what is no such line.
pub(crate) fn raised_in(line: &str) -> Option<String> {
    let line = line.split_once(":  ").map_or(line, |(_, context)| context);
    let raises = line.starts_with("PL/pgSQL") && ["RAISE", "ASSERT"].iter().any(|statement| line.ends_with(statement));
    (raises || raises_by_itself(line)).then(|| raised_by(line))
}

/// Languages other than PL/pgSQL say their own errors and those that were raised in them alike.
fn raises_by_itself(context: &str) -> bool {
    context.starts_with("PL/") && !context.starts_with("PL/pgSQL")
}

fn is_of_a_routine(line: &str) -> bool {
    line.starts_with("PL/") || line.starts_with("SQL function ")
}

/// What a dump may not read: in main it is another role's, in a branch it was made as the login of the branch's connection alone.
pub(crate) fn denied(doing: &str, said: &str, is_main: bool) -> BuildError {
    let way = if is_main {
        ". The login of database.url has to own what is read, or be a member of the role that does".to_owned()
    } else {
        format!(
            ". It belongs to the login of `branch connection`, not to the branch; say as that login: set role none; reassign owned by current_user to {OWNER_ROLE}"
        )
    };
    refused("insufficient_privilege", format!("{doing}: {said}{way}"))
}

const DISK_FULL: &str = "53100";

/// What helps where the disk of the server is full.
const WAY_TO_ROOM: &str = ". The disk of the PostgreSQL server is full: make room there, delete branches that nobody needs, clone as schema_only, or let \
                           branching.disk_budget refuse copies before it comes to this";

/// What PostgreSQL says when its table of locks is full.
pub(crate) const NO_ROOM_FOR_LOCKS: &str = "out of shared memory";

/// What helps there.
pub(crate) const WAY_TO_LOCKS: &str = ". The server's table of locks is full: a copy locks each of its parent's tables while it is made. Raise \
                                       max_locks_per_transaction in the server's configuration, which takes a restart of it";

/// How functions find what they name, wherever they are called.
const WAY_TO_NAMES: &str = ". A function that is called meanwhile names it without its schema: write the schema in its body, or give the function a search \
                            path of its own (alter function .. set search_path = ..)";

/// How something can be made of a routine whose code acts as the server, by whoever owns branches.
const WAY_TO_ROUTINES: &str = ". In the parent only some may execute it, and its language is not trusted, so the owner of branches may not either: grant \
                               execute on it, and usage on its schema, to fluxbase_branch_owner if whoever has a branch may call it";

/// Says the way out of what PostgreSQL tells of a parent that no clone can be made of as it is.
pub(crate) fn with_way_out(error: BuildError) -> BuildError {
    let (code, message) = match error {
        BuildError::Refused { code: code @ ("definitions_refused" | "insufficient_privilege"), message } => (code, message),
        other => return other,
    };
    if ["function", "procedure"].iter().any(|kind| message.contains(&format!("permission denied for {kind} "))) {
        return refused(code, format!("{message}{WAY_TO_ROUTINES}"));
    }
    if code != "definitions_refused" {
        return refused(code, message);
    }
    let of_the_control_plane = ["branching", "fluxbase"].iter().any(|schema| {
        message.ends_with(&format!("schema \"{schema}\" does not exist")) || message.contains(&format!("ERROR:  relation \"{schema}."))
    });
    let way = if of_the_control_plane {
        ". No branch has the control plane's schemas: what stands on them cannot come along; drop it, or keep it in another database"
    } else if is_of_a_name(&message) {
        WAY_TO_NAMES
    } else {
        ""
    };
    refused(code, format!("{message}{way}"))
}

/// Whether a program tells of a name that a function used in vain: whatever an index or a constraint itself names was there before it.
fn is_of_a_name(message: &str) -> bool {
    let is_missing = |kind: &str| message.contains(&format!("ERROR:  {kind} "));
    let of_rows = [" INDEX ", " CONSTRAINT "].iter().any(|kind| message.contains(kind));
    message.ends_with(" does not exist") && (is_missing("function") || (of_rows && ["type", "relation", "operator"].into_iter().any(is_missing)))
}

/// What PostgreSQL says where there is no table, type, function or schema of a name.
const OF_NAMES: [&str; 4] = ["42P01", "42704", "42883", "3F000"];

/// Whether something was looked for in vain.
pub(crate) fn names_nothing(error: &sqlx::Error) -> bool {
    sql_state(error).is_some_and(|state| OF_NAMES.contains(&state.as_str()))
}

/// Whether a function of somebody's looked for a table, a type or another function in vain: no object of the parent's went away.
fn finds_no_name(error: &(dyn DatabaseError + 'static), state: &str) -> bool {
    let context = context(error);
    OF_NAMES.contains(&state) && context.lines().any(is_of_a_routine)
}

fn context<'e>(error: &'e (dyn DatabaseError + 'static)) -> &'e str {
    error.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::r#where).unwrap_or_default()
}

/// Connection, rollback, resources, not ready, intervention, system: none of them says that the thing asked for is wrong. An object that went
/// away in between (`42P01`, `42704`, `3D000`) is the parent's doing, not ours.
fn of_the_moment(state: &str) -> bool {
    ["08", "40", "53", "55", "57", "58", "XX"].iter().any(|class| state.starts_with(class)) || ["42P01", "42704", "3D000"].contains(&state)
}

/// The SQLSTATE, where the server gave one.
pub(crate) fn sql_state(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(std::borrow::Cow::into_owned)
}

/// The first of some names, for people.
pub(crate) fn listed(names: &[String], shown: usize) -> String {
    let first = names[..names.len().min(shown)].join(", ");
    if names.len() > shown { format!("{first} and {} more", names.len() - shown) } else { first }
}
