//! Taking databases away: only those that are proved to be this branch's.

use super::{
    prepared_transactions::roll_back_prepared,
    tag::{Mark, provisional_name},
};
use crate::{
    contended,
    error::{from_sql, refused, sql_state},
    logins::{gone_logins::forget, membership::may_act_for},
    quoting::{ident, literal},
    settings::Settings,
};
use domain::branch::DatabaseName;
use ports::driven::{BuildError, DatabaseTag, LoginPurpose};
use sqlx::PgConnection;

/// What bears a branch database's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No database.
    Nothing,
    /// The branch's own.
    Ours,
    /// The branch's own, as an interrupted DROP leaves it: nobody can connect, and all that PostgreSQL lets be done with it is to drop it.
    HalfGone,
    /// Somebody else's, or another branch's.
    Foreign,
}

/// Looks at what bears the target's name.
pub(crate) async fn find(admin: &mut PgConnection, settings: &Settings, target: &DatabaseTag) -> Result<Found, BuildError> {
    let found: Option<(Option<String>, bool)> =
        sqlx::query_as("select shobj_description(oid, 'pg_database'), datconnlimit = -2 from pg_database where datname = $1")
            .bind(target.database.as_str())
            .fetch_optional(admin)
            .await
            .map_err(|error| from_sql("looking for the branch's database", error))?;
    let Some((comment, half_gone)) = found else { return Ok(Found::Nothing) };
    let ours = comment.as_deref().and_then(Mark::read) == Some(Mark::of(settings.instance, target));
    Ok(match (ours, half_gone) {
        (true, false) => Found::Ours,
        (true, true) => Found::HalfGone,
        (false, _) => Found::Foreign,
    })
}

/// Makes sure that the branch's own database is there, and whole.
pub(crate) async fn expect_ours(admin: &mut PgConnection, settings: &Settings, target: &DatabaseTag) -> Result<(), BuildError> {
    match find(admin, settings, target).await? {
        Found::Ours => Ok(()),
        Found::Nothing | Found::HalfGone => Err(refused("database_missing", format!("the branch's database '{}' is gone", target.database))),
        Found::Foreign => Err(foreign(target)),
    }
}

/// The refusal to touch what is not ours.
pub(crate) fn foreign(target: &DatabaseTag) -> BuildError {
    taken(&target.database)
}

/// The same by the database's name.
pub(crate) fn taken(database: &DatabaseName) -> BuildError {
    refused(
        BuildError::NOT_OURS,
        format!(
            "a database named '{database}' exists that does not bear the mark of this branch; it is left alone: rename or drop it by hand if nobody \
             needs it"
        ),
    )
}

/// Drops the branch's database and what an interrupted create left under its provisional name.
pub(crate) async fn drop_databases(admin: &mut PgConnection, settings: &Settings, target: &DatabaseTag) -> Result<(), BuildError> {
    let provisional = DatabaseName::existing(provisional_name(settings.instance, target.branch_id));
    if is_clear(admin, settings, &provisional, &target.database).await? {
        return Ok(());
    }
    drop_by_name(admin, settings, &provisional).await?;
    match find(admin, settings, target).await? {
        Found::Nothing => {}
        Found::Ours | Found::HalfGone => drop_by_name(admin, settings, &target.database).await?,
        Found::Foreign => return Err(foreign(target)),
    }
    forget(admin, settings, &target.database).await
}

/// Whether there is nothing of these names: so it is where nobody tried before, and somebody waits.
async fn is_clear(admin: &mut PgConnection, settings: &Settings, provisional: &DatabaseName, name: &DatabaseName) -> Result<bool, BuildError> {
    let logins = LoginPurpose::ALL.map(|purpose| settings.logins.of(purpose, name).name);
    sqlx::query_scalar(
        "select not exists (select from pg_database where datname in ($1, $2)) and not exists (select from pg_roles where rolname = any($3))",
    )
    .bind(provisional.as_str())
    .bind(name.as_str())
    .bind(logins.to_vec())
    .fetch_one(admin)
    .await
    .map_err(|error| from_sql("looking for what an earlier attempt left", error))
}

/// Takes away what an interrupted DROP left, too.
pub(crate) async fn drop_by_name(admin: &mut PgConnection, settings: &Settings, name: &DatabaseName) -> Result<(), BuildError> {
    let drop = format!("drop database if exists {}", ident(name.as_str()));
    let (mut by_force, mut once_more) = (true, true);
    loop {
        let drop = if by_force { format!("{drop} with (force)") } else { drop.clone() };
        let Err(error) = contended::run(admin, drop).await else { return Ok(()) };
        let is_mended = match sql_state(&error).as_deref() {
            Some("42501") if may_signal_logins(admin, settings, name).await? => true,
            // Before PostgreSQL 17 whoever is no superuser may not end what vacuums by force; DROP by itself does.
            Some("42501") => std::mem::take(&mut by_force),
            // What was prepared may have ended meanwhile, as by another that drops it too.
            Some("55006") => roll_back_prepared(admin, settings, name).await? || std::mem::take(&mut once_more),
            _ => false,
        };
        if !is_mended {
            return Err(not_dropped(name.as_str(), error));
        }
        if !by_force {
            end_sessions(admin, name).await?;
        }
    }
}

/// Ends those sessions on the database that the admin may end.
async fn end_sessions(admin: &mut PgConnection, name: &DatabaseName) -> Result<(), BuildError> {
    sqlx::query(
        "with session as materialized (
             select pid from pg_stat_activity
              where datid = (select oid from pg_database where datname = $1) and usesysid is not null and pg_has_role(usesysid, 'usage')
         ) select count(pg_terminate_backend(pid)) from session",
    )
    .bind(name.as_str())
    .execute(admin)
    .await
    .map(drop)
    .map_err(|error| from_sql(format!("ending the sessions on '{name}'"), error))
}

fn not_dropped(name: &str, error: sqlx::Error) -> BuildError {
    let detail =
        error.as_database_error().and_then(|error| error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()).and_then(|error| error.detail());
    let detail = detail.unwrap_or_default();
    match sql_state(&error).as_deref() {
        Some("55006") => refused(
            "database_in_use",
            format!(
                "database '{name}' cannot be dropped: {}. {detail} End what holds it (sessions: pg_terminate_backend, by a superuser; \
                 prepared transactions: ROLLBACK PREPARED, by a superuser where their owner is gone; slots: pg_drop_replication_slot; \
                 subscriptions: DROP SUBSCRIPTION), then try again",
                error.as_database_error().map_or("", |error| error.message())
            ),
        ),
        _ => from_sql(format!("dropping database '{name}'"), error),
    }
}

/// Lets an admin that is no superuser end the sessions of the database's logins. Tells whether there was anything to grant.
pub(crate) async fn may_signal_logins(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<bool, BuildError> {
    let mut granted = false;
    for purpose in LoginPurpose::ALL {
        granted |= may_act_for(admin, &settings.logins.of(purpose, database).name).await?;
    }
    Ok(granted)
}

/// Writes a mark and the name that goes with it: in one transaction.
pub(crate) fn mark_and_rename(comment: &str, old: &str, new: &str) -> String {
    let (comment, old, new) = (literal(comment), ident(old), ident(new));
    format!("comment on database {old} is {comment}; alter database {old} rename to {new}")
}
