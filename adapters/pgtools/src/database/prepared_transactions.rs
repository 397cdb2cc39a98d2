//! What holds a database though nobody is connected to it, so that it cannot be dropped: transactions that were prepared and never ended.

use crate::{
    connect::run,
    contended,
    error::from_sql,
    logins::{connection_role, database_logins, membership::let_builder_act_for},
    quoting::{ident, literal},
    settings::Settings,
};
use domain::branch::DatabaseName;
use ports::driven::{BuildError, LoginPurpose};
use sqlx::{Connection, PgConnection};

/// A transaction that was prepared: only who prepared it ends it, and only from within its database.
#[derive(sqlx::FromRow)]
struct Prepared {
    gid: String,
    owner: String,
}

/// Rolls back what the database's own logins may. Tells whether there was anything to roll back.
pub(crate) async fn roll_back_prepared(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<bool, BuildError> {
    let owners: Vec<String> = sqlx::query_scalar("select distinct owner::text from pg_prepared_xacts where database = $1 and owner is not null")
        .bind(database.as_str())
        .fetch_all(&mut *admin)
        .await
        .map_err(failed)?;
    if owners.is_empty() {
        return Ok(false);
    }
    // Whoever worked in it may have changed their passwords.
    let made = database_logins::make(&mut *admin, settings, database, &LoginPurpose::ALL, "").await;
    made.map_err(|error| from_sql(format!("making the logins of '{database}'"), error))?;
    become_people(&mut *admin, settings, database, &owners).await?;
    let mut found = false;
    for purpose in LoginPurpose::ALL {
        let login = settings.logins.of(purpose, database).name;
        let theirs = prepared_by(&mut *admin, database, &login).await?;
        if !theirs.is_empty() {
            found = true;
            set_open(&mut *admin, database, &login, true).await?;
            let rolled_back = roll_back(settings, purpose, database, &theirs).await;
            set_open(&mut *admin, database, &login, false).await?;
            rolled_back?;
        }
    }
    Ok(found)
}

/// Whether the prepared transaction `p` is in the way of others: somebody waits for it to end, for a row that it has changed, or for a lock that is about
/// something of the whole server; or it holds more locks than `$1`, if that is no NULL. Its locks are known by that of its own number: they are nobody's.
macro_rules! is_in_the_way {
    () => {
        "(exists (select from pg_locks mine join pg_locks held using (virtualtransaction) join pg_locks asked on not asked.granted
                   where mine.pid is null and mine.locktype = 'transactionid' and mine.transactionid = p.transaction and held.pid is null
                     and (asked.transactionid = held.transactionid
                          or asked.locktype = held.locktype and asked.database = 0 and held.database = 0
                             and (asked.relation, asked.classid, asked.objid, asked.objsubid)
                                 is not distinct from (held.relation, held.classid, held.objid, held.objsubid)))
          or (select count(*) from pg_locks mine join pg_locks held using (virtualtransaction)
               where mine.pid is null and mine.locktype = 'transactionid' and mine.transactionid = p.transaction and held.pid is null) > $1::int8)"
    };
}
pub(crate) use is_in_the_way;

/// The same for those that are in the way of others, or hold more locks than `most_locks`, in a database that serves on. Gives how many there were.
pub(crate) async fn roll_back_shared(
    admin: &mut PgConnection,
    settings: &Settings,
    database: &DatabaseName,
    most_locks: Option<i64>,
) -> Result<usize, BuildError> {
    let mut ended = 0;
    let owners: Vec<String> = shared(&mut *admin, most_locks, database, None).await?.into_iter().map(|prepared| prepared.owner).collect();
    become_people(&mut *admin, settings, database, &owners).await?;
    for purpose in LoginPurpose::ALL {
        let login = settings.logins.of(purpose, database).name;
        let theirs = shared(&mut *admin, most_locks, database, Some(&login)).await?;
        if !theirs.is_empty() {
            roll_back(settings, purpose, database, &theirs).await?;
            ended += theirs.len();
        }
    }
    Ok(ended)
}

/// Those of roles that the login may become, or of all.
async fn shared(admin: &mut PgConnection, most_locks: Option<i64>, database: &DatabaseName, by: Option<&str>) -> Result<Vec<Prepared>, BuildError> {
    sqlx::query_as(concat!(
        "select gid, owner::text from pg_prepared_xacts p
          where database = $2 and owner is not null and ($3::name is null or pg_has_role($3::name, owner, 'member')) and ",
        is_in_the_way!()
    ))
    .bind(most_locks)
    .bind(database.as_str())
    .bind(by)
    .fetch_all(admin)
    .await
    .map_err(failed)
}

/// The builder becomes a member of the login that people connected by, where that prepared one.
async fn become_people(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName, owners: &[String]) -> Result<(), BuildError> {
    let people = connection_role::prefix(settings.instance);
    let Some(owner) = owners.iter().find(|owner| owner.starts_with(&people)) else { return Ok(()) };
    let_builder_act_for(admin, settings, owner, database).await
}

/// What was prepared by roles that the login may become.
async fn prepared_by(admin: &mut PgConnection, database: &DatabaseName, login: &str) -> Result<Vec<Prepared>, BuildError> {
    sqlx::query_as(
        "select gid, owner::text from pg_prepared_xacts where database = $1 and owner is not null and pg_has_role($2::name, owner, 'member')",
    )
    .bind(database.as_str())
    .bind(login)
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

async fn roll_back(settings: &Settings, purpose: LoginPurpose, database: &DatabaseName, prepared: &[Prepared]) -> Result<(), BuildError> {
    let mut inside = settings.login_in(purpose, database).await?;
    for Prepared { gid, owner } in prepared {
        run(&mut inside, format!("set role {}", ident(owner))).await.map_err(failed)?;
        run(&mut inside, format!("rollback prepared {}", literal(gid))).await.map_err(failed)?;
    }
    let _ = inside.close().await;
    Ok(())
}

fn failed(error: sqlx::Error) -> BuildError {
    from_sql("ending prepared transactions", error)
}
