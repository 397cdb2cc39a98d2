//! In a database that is to go.

use super::{Prepared, become_people, failed, roll_back, roll_back_by_admin};
use crate::{
    connect::run,
    contended,
    error::{from_sql, sql_state},
    logins::{
        database_logins,
        names::{self, is_of_a_branch},
    },
    quoting::ident,
    settings::Settings,
};
use domain::branch::DatabaseName;
use ports::driven::{BuildError, LoginPurpose};
use sqlx::PgConnection;

/// Rolls back what the database's own logins may, and a superuser what roles that are gone prepared. Tells whether anything was. It is closed behind that: it is to
/// go.
pub(crate) async fn roll_back_prepared(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<bool, BuildError> {
    let by_logins = roll_back_by_logins(&mut *admin, settings, database).await?;
    let of_nobody = roll_back_of_nobody(admin, settings, database).await?;
    Ok(by_logins + of_nobody > 0)
}

async fn roll_back_by_logins(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<usize, BuildError> {
    let prepared: Vec<Prepared> =
        sqlx::query_as("select transaction::text, owner::text from pg_prepared_xacts where database = $1 and owner is not null")
            .bind(database.as_str())
            .fetch_all(&mut *admin)
            .await
            .map_err(failed)?;
    if prepared.is_empty() {
        return Ok(0);
    }
    // Whoever worked in it may have changed their passwords; and one that is being changed by what was prepared cannot be put right before that has ended.
    match make_soon(&mut *admin, settings, database).await {
        Err(error) if sql_state(&error).as_deref() == Some("55P03") => {
            let own = LoginPurpose::ALL.map(|purpose| settings.logins.of(purpose, database).name);
            let mut theirs = prepared_by(&mut *admin, database, &own.each_ref().map(String::as_str)).await?;
            theirs.extend(prepared.into_iter().filter(|prepared| is_of_a_branchs_login(settings, prepared)));
            return if theirs.is_empty() { Ok(0) } else { roll_back_closed(admin, settings, database, &theirs).await };
        }
        made => made.map_err(|error| from_sql(format!("making the logins of '{database}'"), error))?,
    }
    become_people(&mut *admin, settings, database, &prepared).await?;
    let mut ended = 0;
    for purpose in LoginPurpose::ALL {
        let login = settings.logins.of(purpose, database).name;
        let theirs = prepared_by(&mut *admin, database, &[&login]).await?;
        if !theirs.is_empty() {
            set_open(&mut *admin, database, &login, true).await?;
            let rolled_back = roll_back(settings, purpose, database, &theirs).await;
            set_open(&mut *admin, database, &login, false).await?;
            ended += rolled_back?;
        }
    }
    Ok(ended)
}

/// Whether a login of a branch prepared it, as the one that people connect by.
fn is_of_a_branchs_login(settings: &Settings, prepared: &Prepared) -> bool {
    let of_instance = names::prefix(settings.instance);
    prepared.owner.as_deref().is_some_and(|owner| owner.starts_with(&of_instance) && is_of_a_branch(owner))
}

async fn make_soon(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<(), sqlx::Error> {
    run(&mut *admin, "set lock_timeout = '2s'").await?;
    let made = database_logins::make(&mut *admin, settings, database, &LoginPurpose::ALL, "").await;
    run(admin, "reset lock_timeout").await?;
    made
}

/// By the admin, whom the database that is to go is open to meanwhile. Nobody's code runs by that.
async fn roll_back_closed(
    admin: &mut PgConnection,
    settings: &Settings,
    database: &DatabaseName,
    prepared: &[Prepared],
) -> Result<usize, BuildError> {
    set_open(&mut *admin, database, &settings.admin.user, true).await?;
    let ended = roll_back_by_admin(settings, database, prepared).await;
    set_open(&mut *admin, database, &settings.admin.user, false).await?;
    ended
}

/// Those of roles that are gone, as whoever administers the server by hand may drop one.
async fn roll_back_of_nobody(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<usize, BuildError> {
    let of_nobody: Vec<Prepared> = sqlx::query_as(
        "select p.transaction::text, null::text as owner from pg_prepared_xacts p join pg_roles me on me.rolname = current_user
          where p.database = $1 and p.owner is null and me.rolsuper",
    )
    .bind(database.as_str())
    .fetch_all(&mut *admin)
    .await
    .map_err(failed)?;
    if of_nobody.is_empty() {
        return Ok(0);
    }
    roll_back_closed(admin, settings, database, &of_nobody).await
}

/// What was prepared by roles that one of the logins may become.
async fn prepared_by(admin: &mut PgConnection, database: &DatabaseName, logins: &[&str]) -> Result<Vec<Prepared>, BuildError> {
    sqlx::query_as(
        "select transaction::text, owner::text from pg_prepared_xacts
          where database = $1 and owner is not null
            and exists (select from pg_roles login where login.rolname = any($2) and pg_has_role(login.oid, owner, 'member'))",
    )
    .bind(database.as_str())
    .bind(logins)
    .fetch_all(admin)
    .await
    .map_err(failed)
}

/// Lets one login in, which nobody else has the password of, or nobody at all.
async fn set_open(admin: &mut PgConnection, database: &DatabaseName, login: &str, open: bool) -> Result<(), BuildError> {
    let (database, login) = (ident(database.as_str()), ident(login));
    let (verb, preposition) = if open { ("grant", "to") } else { ("revoke", "from") };
    let set = format!("{verb} connect on database {database} {preposition} {login}; alter database {database} allow_connections {open}");
    contended::run(admin, set).await.map_err(failed)
}
