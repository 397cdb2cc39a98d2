//! What holds a database though nobody is connected to it, so that it cannot be dropped: transactions that were prepared and never ended.

use super::tag::short;
use crate::{
    connect::{major, run},
    contended,
    error::from_sql,
    logins::{
        connection_role, database_logins,
        login_objects::owner_instance,
        membership::{Use, grant, let_builder_act_for},
        names::OF_BRANCHES,
    },
    quoting::{ident, literal},
    settings::Settings,
};
use domain::branch::{DatabaseName, OWNER_ROLE};
use ports::driven::{BuildError, LoginPurpose};
use sqlx::{Connection, PgConnection};

/// A transaction that was prepared: only who prepared it ends it, and only from within its database.
#[derive(sqlx::FromRow)]
struct Prepared {
    gid: String,
    owner: String,
}

/// What some roles prepared in one database.
#[derive(sqlx::FromRow)]
struct Within {
    database: String,
    comment: Option<String>,
    gids: Vec<String>,
    /// Of each.
    owners: Vec<Option<String>>,
}

/// Rolls back what the database's own logins may, and a superuser what roles that are gone prepared. Tells whether there was anything to roll back. It is closed
/// behind that: it is to go.
pub(crate) async fn roll_back_prepared(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<bool, BuildError> {
    let by_logins = roll_back_by_logins(&mut *admin, settings, database).await?;
    Ok(roll_back_of_nobody(admin, settings, database).await? || by_logins)
}

async fn roll_back_by_logins(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<bool, BuildError> {
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

/// Those of roles that are gone, as whoever administers the server by hand may drop one; ending them runs nobody's code.
async fn roll_back_of_nobody(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<bool, BuildError> {
    let gids: Vec<String> = sqlx::query_scalar(
        "select p.gid from pg_prepared_xacts p join pg_roles me on me.rolname = current_user where p.database = $1 and p.owner is null and me.rolsuper",
    )
    .bind(database.as_str())
    .fetch_all(&mut *admin)
    .await
    .map_err(failed)?;
    if gids.is_empty() {
        return Ok(false);
    }
    let theirs: Vec<_> = gids.into_iter().map(|gid| (gid, None)).collect();
    set_open(&mut *admin, database, &settings.admin.user, true).await?;
    let ended = roll_back_by_admin(settings, database, &theirs).await;
    set_open(&mut *admin, database, &settings.admin.user, false).await?;
    ended.map(|ended| ended > 0)
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
    let owners: Vec<String> = shared(&mut *admin, in_the_way, database, None).await?.into_iter().map(|prepared| prepared.owner).collect();
    if owners.is_empty() {
        return Ok(0);
    }
    become_people(&mut *admin, settings, database, &owners).await?;
    // A login that cannot come in, as one whose sessions are all taken, keeps no other.
    let mut outcome = Ok(());
    for purpose in LoginPurpose::ALL {
        let login = settings.logins.of(purpose, database).name;
        let theirs = shared(&mut *admin, in_the_way, database, Some(&login)).await?;
        if !theirs.is_empty() {
            let rolled_back = roll_back(settings, purpose, database, &theirs).await;
            ended += if rolled_back.is_ok() { theirs.len() } else { 0 };
            outcome = outcome.and(rolled_back);
        }
    }
    outcome.map(|()| ended)
}

/// Those of roles that the login may become, or of all.
async fn shared(admin: &mut PgConnection, in_the_way: InTheWay, database: &DatabaseName, by: Option<&str>) -> Result<Vec<Prepared>, BuildError> {
    sqlx::query_as(concat!(
        "select gid, owner::text from pg_prepared_xacts p
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
    let prepared: Vec<(String, Option<String>)> = sqlx::query_as(concat!(
        "select gid, owner::text from pg_prepared_xacts p
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
    roll_back_by_admin(settings, database, &prepared).await
}

/// Rolls back what these roles prepared in databases that are no branch's: nobody but a superuser may once they are dropped. Tells whether nothing of theirs is
/// left. What is, in a branch, goes before its database does, by logins that may become them: as long as it is there, the roles have to be.
pub(crate) async fn roll_back_of(admin: &mut PgConnection, settings: &Settings, roles: &[&str]) -> Result<bool, BuildError> {
    let prepared: Vec<Within> = sqlx::query_as(
        "select d.datname::text as database, shobj_description(d.oid, 'pg_database') as comment, array_agg(p.gid) as gids, array_agg(p.owner::text) as owners
           from pg_prepared_xacts p join pg_database d on d.datname = p.database where p.owner = any($1) group by d.oid, d.datname",
    )
    .bind(roles)
    .fetch_all(admin)
    .await
    .map_err(failed)?;
    let mut is_clear = true;
    for Within { database, comment, gids, owners } in prepared {
        let theirs: Vec<_> = gids.into_iter().zip(owners).collect();
        let database = DatabaseName::existing(database);
        let is_of_a_branch = comment.as_deref().and_then(owner_instance).is_some();
        is_clear &= !is_of_a_branch
            && match roll_back_by_admin(settings, &database, &theirs).await {
                Ok(ended) => ended == theirs.len(),
                Err(error) => {
                    tracing::warn!(%error, %database, "what a branch's login prepared could not be rolled back");
                    false
                }
            };
    }
    Ok(is_clear)
}

/// Each as its owner, if there is one yet. Gives how many could be.
async fn roll_back_by_admin(settings: &Settings, database: &DatabaseName, prepared: &[(String, Option<String>)]) -> Result<usize, BuildError> {
    if prepared.is_empty() {
        return Ok(0);
    }
    let mut inside = settings.admin_at(database).await?;
    let is_superuser = is_superuser(&mut inside).await?;
    let mut ended = 0;
    for (gid, owner) in prepared {
        match roll_back_as(&mut inside, is_superuser, gid, owner.as_deref()).await {
            Ok(()) => ended += 1,
            Err(error) => tracing::warn!(%error, %database, gid, owner, "a prepared transaction could not be rolled back"),
        }
        run(&mut inside, "reset role").await.map_err(failed)?;
    }
    let _ = inside.close().await;
    Ok(ended)
}

/// As its owner, so that PostgreSQL asks whether it is theirs; nobody but a superuser may for a role that is gone.
async fn roll_back_as(inside: &mut PgConnection, is_superuser: bool, gid: &str, owner: Option<&str>) -> Result<(), sqlx::Error> {
    if let Some(owner) = owner {
        if !is_superuser {
            run(inside, grant(major(inside), owner, "current_user", Use::WHOLE)).await?;
        }
        run(inside, format!("set role {}", ident(owner))).await?;
    }
    run(inside, format!("rollback prepared {}", literal(gid))).await
}

async fn is_superuser(connection: &mut PgConnection) -> Result<bool, BuildError> {
    sqlx::query_scalar("select rolsuper from pg_roles where rolname = current_user").fetch_one(connection).await.map_err(failed)
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
    // One that cannot be ended, as one that is busy or gone, keeps no other.
    let mut outcome = Ok(());
    for Prepared { gid, owner } in prepared {
        let ended = async {
            run(&mut inside, format!("set role {}", ident(owner))).await?;
            run(&mut inside, format!("rollback prepared {}", literal(gid))).await
        };
        outcome = outcome.and(ended.await.map_err(failed));
    }
    let _ = inside.close().await;
    outcome
}

fn failed(error: sqlx::Error) -> BuildError {
    from_sql("ending prepared transactions", error)
}
