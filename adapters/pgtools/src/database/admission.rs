//! Who may connect to a branch's database: the logins of user and service traffic once it is ready, nobody once it goes.
//!
//! The login that people connect by is let in by [`crate::PgBranchLogins`], and shut out here with everybody else.

use super::{
    drop::{Found, expect_ours, find, foreign, may_signal_logins},
    footing::{self, expect, holds},
};
use crate::{
    contended,
    error::{from_sql, refused, retryable, sql_state},
    logins::database_logins,
    quoting::ident,
    settings::Settings,
};
use ports::driven::{BuildError, DatabaseTag, Footing, LoginPurpose};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::Duration;

/// How often, and how long at most, sessions that were told to end are looked for.
pub(crate) const LOOK: Duration = Duration::from_millis(20);
pub(crate) const LOOKS: u32 = 500;
/// How often where something waits for it that need not.
const SEEING_OFF: u32 = 100;

pub(crate) async fn admit(admin: &mut PgConnection, settings: &Settings, target: &DatabaseTag) -> Result<(), BuildError> {
    expect_ours(&mut *admin, settings, target).await?;
    let database = ident(target.database.as_str());
    let [user, service, builder] = LoginPurpose::ALL.map(|purpose| settings.login_ident(purpose, &target.database));
    let open = format!("grant connect on database {database} to {user}, {service}, {builder}; alter database {database} allow_connections true");
    // A version that had no logins by database may have made this one.
    database_logins::make(admin, settings, &target.database, &LoginPurpose::ALL, &open)
        .await
        .map_err(|error| from_sql("opening the branch's database", error))
}

pub(crate) async fn shut_out(settings: &Settings, target: &DatabaseTag, footing: Footing) -> Result<(), BuildError> {
    let mut admin = settings.admin().await?;
    match find(&mut admin, settings, target).await? {
        Found::Ours => {}
        Found::Nothing | Found::HalfGone => return Ok(()),
        Found::Foreign => return Err(foreign(target)),
    }
    close(&mut admin, target, footing).await?;
    for _ in 0..LOOKS {
        if cut_off(&mut admin, settings, target, footing).await? == 0 {
            let _ = admin.close().await;
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(retryable(format!("sessions on '{}' did not end when told to", target.database)))
}

/// Ends the sessions that people have on the database, however they came by them; the logins of requests and of the builder keep theirs, and so does whoever
/// is beyond this admin. Where a login was let in until now it has to be seen twice that nobody is there: who just came shows itself a moment later.
pub(crate) async fn see_off(
    admin: &mut PgConnection,
    settings: &Settings,
    target: &DatabaseTag,
    (was_open, footing): (bool, Footing),
) -> Result<(), BuildError> {
    let end = format!(
        "with session as materialized (
                           select a.pid from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
                             cross join (select rolsuper from pg_roles where rolname = current_user) me
                            where a.datid = (select oid from pg_database where datname = $1) and r.rolname <> all ($2)
                              and (me.rolsuper or not r.rolsuper and pg_has_role(r.oid, 'usage')) and {}
                       ) select count(pg_terminate_backend(pid)) from session",
        holds(footing)
    );
    let ours = LoginPurpose::ALL.map(|purpose| settings.login(purpose, &target.database).user);
    let (mut nobody, enough) = (0, if was_open { 2 } else { 1 });
    for _ in 0..SEEING_OFF {
        let ended: i64 = sqlx::query_scalar(AssertSqlSafe(end.clone()))
            .bind(target.database.as_str())
            .bind(&ours[..])
            .fetch_one(&mut *admin)
            .await
            .map_err(|error| from_sql(format!("ending people's sessions on '{}'", target.database), error))?;
        nobody = if ended == 0 { nobody + 1 } else { 0 };
        if nobody == enough {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    tracing::warn!(database = %target.database, "sessions of people did not end at once when told to");
    Ok(())
}

/// Closes the database, and takes CONNECT from everybody: when it is opened again, nobody has a way in from before.
async fn close(admin: &mut PgConnection, target: &DatabaseTag, footing: Footing) -> Result<(), BuildError> {
    let failed = |error| from_sql("closing the branch's database", error);
    let let_in: Vec<String> = sqlx::query_scalar(
        "select case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end
           from pg_database d cross join aclexplode(d.datacl) a
          where d.datname = $1 and a.privilege_type = 'CONNECT' and a.grantee <> d.datdba",
    )
    .bind(target.database.as_str())
    .fetch_all(&mut *admin)
    .await
    .map_err(failed)?;
    let database = ident(target.database.as_str());
    let revoke = match let_in.join(", ") {
        nobody if nobody.is_empty() => String::new(),
        names => format!("revoke connect on database {database} from {names}; "),
    };
    let close = format!("alter database {database} allow_connections false; {revoke}{}", expect(footing));
    contended::run(admin, close).await.map_err(|error| footing::failed("closing the branch's database", error))
}

/// Tells every session on the database to end, and gives how many there were.
async fn cut_off(admin: &mut PgConnection, settings: &Settings, target: &DatabaseTag, footing: Footing) -> Result<i64, BuildError> {
    // The list is made first: in one query with conditions, PostgreSQL may try to end a session before it has looked whether that is on this database. Which
    // user a session has is all that a login without further rights may see of it; background workers have none.
    let end = format!(
        "with session as materialized (
             select pid from pg_stat_activity
              where datid = (select oid from pg_database where datname = $1) and usesysid is not null and {}
         ) select count(pg_terminate_backend(pid)) from session",
        holds(footing)
    );
    let first = sqlx::query_scalar(AssertSqlSafe(end.clone())).bind(target.database.as_str()).fetch_one(&mut *admin).await;
    let outcome = match first {
        Err(error) if sql_state(&error).as_deref() == Some("42501") && may_signal_logins(admin, settings, &target.database).await? => {
            sqlx::query_scalar(AssertSqlSafe(end)).bind(target.database.as_str()).fetch_one(&mut *admin).await
        }
        outcome => outcome,
    };
    match outcome {
        Err(error) if sql_state(&error).as_deref() == Some("42501") => Err(out_of_reach(admin, settings, target).await),
        outcome => outcome.map_err(|error| from_sql(format!("ending the sessions on '{}'", target.database), error)),
    }
}

/// The refusal where somebody is on the database whose sessions this admin may not end. Nobody comes back: it is closed.
async fn out_of_reach(admin: &mut PgConnection, settings: &Settings, target: &DatabaseTag) -> BuildError {
    let whose: Result<Vec<String>, _> = sqlx::query_scalar(
        "select distinct usename::text from pg_stat_activity where datname = $1 and not pg_has_role(usesysid, 'usage') order by 1",
    )
    .bind(target.database.as_str())
    .fetch_all(admin)
    .await;
    let whose = whose.unwrap_or_default().join(", ");
    let (database, admin) = (&target.database, ident(&settings.admin.user));
    refused(
        "sessions_of_others",
        format!(
            "sessions on '{database}' are not {admin}'s to end; they are of: {whose}. Let a superuser end them (pg_terminate_backend), or grant \
             pg_signal_backend to {admin}"
        ),
    )
}
