//! What holds a database though nobody is connected to it, so that it cannot be dropped: transactions that were prepared and never ended.

use super::tag::short;
use crate::{
    connect::{major, run},
    contended,
    error::{from_sql, sql_state},
    hex::hex,
    logins::{
        connection_role, database_logins,
        login_objects::owner_instance,
        membership::{Use, grant, let_builder_act_for},
        names::OF_BRANCHES,
    },
    quoting::ident,
    settings::Settings,
};
use domain::branch::{DatabaseName, OWNER_ROLE};
use ports::driven::{BuildError, LoginPurpose};
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;

/// A transaction that was prepared: only its owner ends it, or a superuser, and only from within its database. What it is called by cannot be read elsewhere: it is
/// of that database's encoding.
#[derive(sqlx::FromRow)]
struct Prepared {
    transaction: String,
    /// None where the role is gone.
    owner: Option<String>,
}

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
        Err(error) if sql_state(&error).as_deref() == Some("55P03") => return roll_back_closed(admin, settings, database, &prepared).await,
        made => made.map_err(|error| from_sql(format!("making the logins of '{database}'"), error))?,
    }
    become_people(&mut *admin, settings, database, &prepared).await?;
    let mut ended = 0;
    for purpose in LoginPurpose::ALL {
        let login = settings.logins.of(purpose, database).name;
        let theirs = prepared_by(&mut *admin, database, &login).await?;
        if !theirs.is_empty() {
            set_open(&mut *admin, database, &login, true).await?;
            let rolled_back = roll_back(settings, purpose, database, &theirs).await;
            set_open(&mut *admin, database, &login, false).await?;
            ended += rolled_back?;
        }
    }
    Ok(ended)
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

/// What a prepared transaction is rolled back for though nobody asked.
#[derive(Clone, Copy)]
pub(crate) enum InTheWay {
    /// Somebody has waited for it to end, for a row that it has changed, or for a lock that is about something of the whole server.
    WaitedFor,
    /// It holds more than its share of so many places for locks: a quarter is for all that there may be, or for 25 where those are fewer. Two phases are for a
    /// few changed rows.
    TakesPlaces(i64),
}

/// Whether the prepared transaction `p` is that, with the places as `$1`, or NULL. Its locks are known by that of its own number: they are nobody's.
macro_rules! is_in_the_way {
    () => {
        "case when $1::int8 is null
              then p.prepared < clock_timestamp() - interval '1 second' and exists (
                       select from pg_locks mine join pg_locks held using (virtualtransaction) join pg_locks asked on not asked.granted
                        where mine.pid is null and mine.locktype = 'transactionid' and mine.transactionid = p.transaction and held.pid is null
                          and (asked.transactionid = held.transactionid
                               or asked.locktype = held.locktype and asked.database = 0 and held.database = 0
                                  and (asked.relation, asked.classid, asked.objid, asked.objsubid)
                                      is not distinct from (held.relation, held.classid, held.objid, held.objsubid)))
              else (select count(distinct (held.locktype, held.database, held.relation, held.page, held.tuple, held.transactionid::text, held.classid,
                                           held.objid, held.objsubid))
                      from pg_locks mine join pg_locks held using (virtualtransaction)
                     where mine.pid is null and mine.locktype = 'transactionid' and mine.transactionid = p.transaction and held.pid is null
                       and held.mode <> 'SIReadLock') > $1 / 4 / greatest(25, current_setting('max_prepared_transactions')::int8) end"
    };
}

impl InTheWay {
    fn places(self) -> Option<i64> {
        match self {
            Self::WaitedFor => None,
            Self::TakesPlaces(places) => Some(places),
        }
    }
}

/// The same for those that are in the way of others, in a branch's database that serves on. Gives how many there were.
pub(crate) async fn roll_back_shared(
    admin: &mut PgConnection,
    settings: &Settings,
    database: &DatabaseName,
    in_the_way: InTheWay,
) -> Result<usize, BuildError> {
    let mut ended = 0;
    let prepared = shared(&mut *admin, in_the_way, database, None).await?;
    if prepared.is_empty() {
        return Ok(0);
    }
    become_people(&mut *admin, settings, database, &prepared).await?;
    for purpose in LoginPurpose::ALL {
        let login = settings.logins.of(purpose, database).name;
        let theirs = shared(&mut *admin, in_the_way, database, Some(&login)).await?;
        if !theirs.is_empty() {
            match roll_back(settings, purpose, database, &theirs).await {
                Ok(of_login) => ended += of_login,
                // One that cannot come in, as one whose sessions are all taken, keeps no other.
                Err(error) => tracing::warn!(%error, %database, login, "a branch's login could not roll back what was prepared in its database"),
            }
        }
    }
    Ok(ended)
}

/// Those of roles that the login may become, or of all.
async fn shared(admin: &mut PgConnection, in_the_way: InTheWay, database: &DatabaseName, by: Option<&str>) -> Result<Vec<Prepared>, BuildError> {
    sqlx::query_as(concat!(
        "select p.transaction::text, owner::text from pg_prepared_xacts p
          where database = $2 and owner is not null and ($3::name is null or pg_has_role($3::name, owner, 'member')) and ",
        is_in_the_way!()
    ))
    .bind(in_the_way.places())
    .bind(database.as_str())
    .bind(by)
    .fetch_all(admin)
    .await
    .map_err(failed)
}

/// The same for those that a branch's login prepared in a database that is no branch's, such as that which everybody may connect to; and, while locks are scarce
/// and outside of the metadata database, for those of roles that are gone. No branch's user has made anything there: the admin goes in itself.
pub(crate) async fn roll_back_elsewhere(
    admin: &mut PgConnection,
    settings: &Settings,
    database: &DatabaseName,
    in_the_way: InTheWay,
) -> Result<usize, BuildError> {
    let prepared: Vec<Prepared> = sqlx::query_as(concat!(
        "select p.transaction::text, owner::text from pg_prepared_xacts p
          where database = $2 and (owner is null and $1::int8 is not null and $2 <> current_database()
                                   or starts_with(owner, $3) and owner ~ $4 or owner = $5) and ",
        is_in_the_way!()
    ))
    .bind(in_the_way.places())
    .bind(database.as_str())
    .bind(format!("fluxbase_{}_", short(settings.instance)))
    .bind(OF_BRANCHES)
    .bind(OWNER_ROLE)
    .fetch_all(&mut *admin)
    .await
    .map_err(failed)?;
    if prepared.is_empty() { Ok(0) } else { roll_back_by_admin(settings, database, &prepared).await }
}

/// Rolls back what these roles prepared in databases that are no branch's: nobody but a superuser may once they are dropped. Tells whether nothing of theirs is
/// left. What is, in a branch, goes before its database does, by logins that may become them: as long as it is there, the roles have to be.
pub(crate) async fn roll_back_of(admin: &mut PgConnection, settings: &Settings, roles: &[&str]) -> Result<bool, BuildError> {
    let databases: Vec<(String, Option<String>)> = sqlx::query_as(
        "select distinct d.datname::text, shobj_description(d.oid, 'pg_database')
           from pg_prepared_xacts p join pg_database d on d.datname = p.database where p.owner = any($1)",
    )
    .bind(roles)
    .fetch_all(&mut *admin)
    .await
    .map_err(failed)?;
    if databases.is_empty() {
        return Ok(true);
    }
    for (database, comment) in databases {
        if comment.as_deref().and_then(owner_instance).is_some() {
            continue;
        }
        let database = DatabaseName::existing(database);
        let theirs = prepared_in(&mut *admin, &database, roles).await?;
        if let Err(error) = roll_back_by_admin(settings, &database, &theirs).await {
            tracing::warn!(%error, %database, ?roles, "what a branch's login prepared could not be rolled back");
        }
    }
    let left: Vec<String> = sqlx::query_scalar("select distinct database::text from pg_prepared_xacts where owner = any($1)")
        .bind(roles)
        .fetch_all(admin)
        .await
        .map_err(failed)?;
    if !left.is_empty() {
        tracing::info!(?roles, databases = ?left, "transactions that a branch's login prepared are left: it is dropped once they have ended");
    }
    Ok(left.is_empty())
}

async fn prepared_in(admin: &mut PgConnection, database: &DatabaseName, roles: &[&str]) -> Result<Vec<Prepared>, BuildError> {
    sqlx::query_as("select transaction::text, owner::text from pg_prepared_xacts where database = $1 and owner = any($2)")
        .bind(database.as_str())
        .bind(roles)
        .fetch_all(admin)
        .await
        .map_err(failed)
}

/// Each as its owner, if there is one still, so that PostgreSQL asks whether it is theirs; nobody but a superuser may for a role that is gone. Gives how many.
async fn roll_back_by_admin(settings: &Settings, database: &DatabaseName, prepared: &[Prepared]) -> Result<usize, BuildError> {
    let mut inside = settings.admin_at(database).await?;
    let is_superuser: bool =
        sqlx::query_scalar("select rolsuper from pg_roles where rolname = current_user").fetch_one(&mut inside).await.map_err(failed)?;
    let to_become = if is_superuser { BTreeSet::new() } else { owners(prepared) };
    for owner in to_become {
        let grant = grant(major(&inside), owner, "current_user", Use::WHOLE);
        if let Err(error) = contended::run(&mut inside, grant).await {
            tracing::warn!(%error, owner, "the server's admin could not become who prepared a transaction");
        }
    }
    let ended = end(&mut inside, database, prepared).await;
    let _ = inside.close().await;
    ended
}

/// Whose they are, of roles that are there still.
fn owners(prepared: &[Prepared]) -> BTreeSet<&str> {
    prepared.iter().filter_map(|prepared| prepared.owner.as_deref()).collect()
}

/// The builder becomes a member of the login that people connected by, where that prepared one.
async fn become_people(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName, prepared: &[Prepared]) -> Result<(), BuildError> {
    let people = connection_role::prefix(settings.instance);
    let Some(owner) = owners(prepared).into_iter().find(|owner| owner.starts_with(&people)) else { return Ok(()) };
    let_builder_act_for(admin, settings, owner, database).await
}

/// What was prepared by roles that the login may become.
async fn prepared_by(admin: &mut PgConnection, database: &DatabaseName, login: &str) -> Result<Vec<Prepared>, BuildError> {
    sqlx::query_as(
        "select transaction::text, owner::text from pg_prepared_xacts
          where database = $1 and owner is not null and pg_has_role($2::name, owner, 'member')",
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

async fn roll_back(settings: &Settings, purpose: LoginPurpose, database: &DatabaseName, prepared: &[Prepared]) -> Result<usize, BuildError> {
    let mut inside = settings.login_in(purpose, database).await?;
    let ended = end(&mut inside, database, prepared).await;
    let _ = inside.close().await;
    ended
}

/// Ends those that are there still, over a session of their database, and gives how many. One that cannot be ended, as one that is busy, keeps no other.
async fn end(inside: &mut PgConnection, database: &DatabaseName, prepared: &[Prepared]) -> Result<usize, BuildError> {
    let transactions: Vec<&str> = prepared.iter().map(|prepared| prepared.transaction.as_str()).collect();
    let found: Vec<(Vec<u8>, Option<String>)> = sqlx::query_as(
        "select convert_to(gid, getdatabaseencoding()), owner::text from pg_prepared_xacts where database = current_database() and transaction::text = any($1)",
    )
    .bind(transactions)
    .fetch_all(&mut *inside)
    .await
    .map_err(failed)?;
    let mut ended = 0;
    for (gid, owner) in found {
        match end_as(&mut *inside, &gid, owner.as_deref()).await {
            Ok(()) => ended += 1,
            Err(error) => {
                let gid = String::from_utf8_lossy(&gid);
                tracing::warn!(%error, %database, %gid, owner, "a prepared transaction could not be rolled back");
            }
        }
    }
    Ok(ended)
}

async fn end_as(inside: &mut PgConnection, gid: &[u8], owner: Option<&str>) -> Result<(), sqlx::Error> {
    let role = owner.map_or_else(|| "reset role".to_owned(), |owner| format!("set role {}", ident(owner)));
    run(&mut *inside, role).await?;
    run(inside, format!("rollback prepared {}", literal_of_bytes(gid))).await
}

/// A text of those bytes, whatever they mean in the database's encoding.
fn literal_of_bytes(bytes: &[u8]) -> String {
    let escape = |text: String, byte: &u8| text + "\\x" + &hex(&[*byte]);
    bytes.iter().fold("E'".to_owned(), escape) + "'"
}

fn failed(error: sqlx::Error) -> BuildError {
    from_sql("ending prepared transactions", error)
}
