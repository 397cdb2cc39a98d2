//! The logins of a database that is gone: nobody comes in by them any more, nobody stays, and they go.

use super::{
    connection_role::{Sessions, cut_off},
    locks::lock_logins_of,
    membership::{end_each, may_act_for},
};
use crate::{
    contended,
    database::{prepared_transactions::roll_back_of, tag::provisional_prefix},
    error::{from_sql, sql_state},
    quoting::{idents, literal},
    settings::Settings,
};
use domain::branch::DatabaseName;
use ports::driven::{BuildError, LoginPurpose};
use sqlx::PgConnection;

/// Takes the logins of a dropped database away. What they owned was in it; what people granted to them elsewhere, or prepared there, keeps them, and is no reason
/// to keep anybody waiting: nobody can come in by such a login any more, and the sweeper drops it once nothing names it.
pub(crate) async fn forget(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<(), BuildError> {
    let logins = LoginPurpose::ALL.map(|purpose| settings.logins.of(purpose, database).name);
    let [.., builder] = &logins;
    if !take_away(admin, settings, &logins.each_ref().map(String::as_str), builder).await? {
        tracing::warn!(%database, "logins of a database that is gone are closed for good but could not all be dropped: something on the server still names them");
    }
    Ok(())
}

/// The same for some of a database's logins, by the name of its builder. Tells whether they are gone; those that stay are closed for good.
pub(crate) async fn take_away(admin: &mut PgConnection, settings: &Settings, logins: &[&str], builder: &str) -> Result<bool, BuildError> {
    let failed = |error| from_sql(format!("dropping the logins {}", logins.join(", ")), error);
    let closed = Closed { logins, builder, settings };
    contended::run(&mut *admin, closed.lock_out()).await.map_err(failed)?;
    show_out(&mut *admin, logins).await?;
    if roll_back_of(&mut *admin, settings, logins).await? {
        match contended::run(&mut *admin, closed.drop()).await {
            Ok(()) => return Ok(true),
            Err(error) if sql_state(&error).as_deref() == Some("2BP01") => {}
            Err(error) => return Err(failed(error)),
        }
    }
    contended::run(&mut *admin, closed.disarm()).await.map_err(failed)?;
    sqlx::query_scalar("select not exists (select from pg_roles where rolname = any($1))").bind(logins).fetch_one(admin).await.map_err(failed)
}

/// Ends the sessions of those that are locked out, wherever they are: code that ran in the database may have changed their passwords, other databases may let
/// everybody in, and a session that outlives its role is one that nobody knows any more.
async fn show_out(admin: &mut PgConnection, logins: &[&str]) -> Result<(), BuildError> {
    let there: Vec<String> = sqlx::query_scalar(
        "select distinct r.rolname::text from pg_stat_activity a join pg_roles r on r.oid = a.usesysid where r.rolname = any($1) and not r.rolcanlogin",
    )
    .bind(logins)
    .fetch_all(&mut *admin)
    .await
    .map_err(|error| from_sql(format!("looking for sessions of {}", logins.join(", ")), error))?;
    for login in &there {
        may_act_for(&mut *admin, login).await?;
    }
    if there.is_empty() { Ok(()) } else { cut_off(admin, logins, Sessions::OfLockedOut).await }
}

/// Statements about logins that no database needs. Whoever is frozen before one finds the database made again meanwhile, and leaves its logins alone.
struct Closed<'a> {
    logins: &'a [&'a str],
    builder: &'a str,
    settings: &'a Settings,
}

impl Closed<'_> {
    /// Lets them in nowhere.
    fn lock_out(&self) -> String {
        self.of_each("execute format('alter role %I nologin password null', login);")
    }

    /// Drops them all, or none. A database that was made again meanwhile lets them in: they are not dropped by that.
    fn drop(&self) -> String {
        format!("select {}; drop role if exists {}", lock_logins_of(&literal(self.builder)), idents(self.logins))
    }

    /// Drops those that can go, and takes from the others what they could do, as far as the admin may.
    fn disarm(&self) -> String {
        let memberships = end_each("m.member = (select oid from pg_roles where rolname = login)");
        self.of_each(&format!(
            "begin
                 if exists (select from pg_prepared_xacts where owner = login) then
                     raise dependent_objects_still_exist;
                 end if;
                 execute format('drop role if exists %I', login);
             exception when dependent_objects_still_exist then
                 execute format('alter role %I nologin password null', login);
                 {memberships}
             end;",
        ))
    }

    /// Does something about each that no database of this instance lets in, one half made neither. What others let in to theirs shields no login.
    fn of_each(&self, block: &str) -> String {
        let logins: Vec<_> = self.logins.iter().map(|login| literal(login)).collect();
        let [builder, provisional, instance] =
            [self.builder, &provisional_prefix(self.settings.instance), &self.settings.instance.to_string()].map(literal);
        format!(
            "do $of_each$
             declare login text; membership record;
             begin
                 perform {lock};
                 for login in select r.rolname from pg_roles r
                               where r.rolname in ({logins})
                                 and not exists (select from pg_database d cross join aclexplode(d.datacl) a
                                                  where a.grantee = r.oid
                                                    and (starts_with(d.datname, {provisional})
                                                         or strpos(shobj_description(d.oid, 'pg_database'), {instance}) > 0)) loop
                     {block}
                 end loop;
             end $of_each$",
            lock = lock_logins_of(&builder),
            logins = logins.join(", "),
        )
    }
}
