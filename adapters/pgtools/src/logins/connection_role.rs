//! The role that people connect to a branch as: made, let in, cut off, dropped.

use super::{
    membership::{self, Use, end_each, may_act_for},
    names,
    own_settings::{self, set_in},
    verifier,
};
use crate::{
    connect::{major, run},
    database::admission::{LOOK, LOOKS},
    error::{from_sql, refused, retryable},
    quoting::{ident, literal},
};
use domain::{BranchId, branch::OWNER_ROLE};
use ports::driven::{BuildError, Secret};
use sqlx::{AssertSqlSafe, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

/// What the names of this instance's begin with.
pub(crate) fn prefix(instance: Uuid) -> String {
    format!("{}b_", names::prefix(instance))
}

/// The role's name. Ids of branches differ in their first eight digits.
pub(crate) fn name(instance: Uuid, branch: BranchId) -> String {
    format!("{}{}", prefix(instance), branch.short())
}

/// Whether the role is there. One of its name with powers that we give nobody is not ours, and is left alone.
pub(crate) async fn is_there(connection: &mut PgConnection, role: &str) -> Result<bool, BuildError> {
    let powers: Option<bool> =
        sqlx::query_scalar("select rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls from pg_roles where rolname = $1")
            .bind(role)
            .fetch_optional(connection)
            .await
            .map_err(|error| from_sql("looking for the branch's login", error))?;
    if powers == Some(true) {
        let message = format!("a role named '{role}' exists that Fluxbase did not make: it has powers that no branch's login has; drop or rename it");
        return Err(refused("role_not_ours", message));
    }
    Ok(powers.is_some())
}

/// Makes the role, or gives it this password and puts right what its owner may have set.
pub(crate) async fn make(connection: &mut PgConnection, role: &str, password: &Secret, limit: u32) -> Result<(), BuildError> {
    let there = is_there(connection, role).await?;
    let mut statements = if there { forget_settings(connection, role).await? } else { Vec::new() };
    let (verb, name, verifier) = (if there { "alter" } else { "create" }, ident(role), verifier::of_password(password));
    statements.push(format!("{verb} role {name} login inherit connection limit {limit} password {verifier}"));
    statements.push(part_from_members(role));
    statements.push(membership::grant(major(connection), OWNER_ROLE, &name, Use::WHOLE));
    // What it makes belongs to the owner of everything else in the branch.
    statements.push(format!("alter role {name} set role = {}", literal(OWNER_ROLE)));
    run(&mut *connection, statements.join("; ")).await.map_err(|error| from_sql("making the branch's login", error))?;
    tell_members(&mut *connection, role).await?;
    may_act_for(connection, role).await.map(drop)
}

/// Statements that take its settings away, those for single databases too.
async fn forget_settings(connection: &mut PgConnection, role: &str) -> Result<Vec<String>, BuildError> {
    let databases: Vec<Option<String>> = sqlx::query_scalar(set_in!("(select oid from pg_roles where rolname = $1)"))
        .bind(role)
        .fetch_all(connection)
        .await
        .map_err(|error| from_sql("looking for settings of the branch's login", error))?;
    Ok(own_settings::forget(role, databases).collect())
}

/// The memberships `m` in a role, by its name, that let somebody else than the admin act for it. Who made a role has the right to administer it, from PostgreSQL 16
/// on, and an admin that acts for that one needs it.
macro_rules! is_others {
    () => {
        "m.roleid = (select oid from pg_roles where rolname = {role}) and m.member <> (select oid from pg_roles where rolname = current_user)
         and not to_jsonb(m) @> '{{\"admin_option\": true, \"inherit_option\": false, \"set_option\": false}}'"
    };
}

/// The statement by which nobody but the admin may become it: a builder was let to, to give away what it owns. It looks who may when it runs, for whoever was in
/// the way of the statements before it may have been ended by such a builder.
pub(crate) fn part_from_members(role: &str) -> String {
    let members = end_each(&format!(is_others!(), role = literal(role)));
    format!("do $part$ declare membership record; begin {members} end $part$")
}

/// Those whom only somebody else may part from it, as a superuser that let them.
async fn tell_members(connection: &mut PgConnection, role: &str) -> Result<(), BuildError> {
    let select = format!(
        concat!("select distinct member.rolname::text from pg_auth_members m join pg_roles member on member.oid = m.member where ", is_others!()),
        role = "$1"
    );
    let members: Vec<String> = sqlx::query_scalar(AssertSqlSafe(select))
        .bind(role)
        .fetch_all(connection)
        .await
        .map_err(|error| from_sql("looking who may become the branch's login", error))?;
    if !members.is_empty() {
        tracing::warn!(
            role,
            ?members,
            "roles may become a branch's login that the server's admin cannot part from it: whoever granted that has to revoke it"
        );
    }
    Ok(())
}

/// Takes away all by which it can begin a session: its password, its login, its way into databases. Its own row first: somebody may have prepared a change of that,
/// and who waits for it holds nothing by which others could not end it.
pub(crate) async fn lock_out(connection: &mut PgConnection, role: &str) -> Result<(), BuildError> {
    let lock_out = format!(
        "alter role {name} nologin password null;
         do $close$
         declare let_in name;
         begin
             for let_in in select distinct d.datname from pg_database d cross join aclexplode(d.datacl) a join pg_roles r on r.oid = a.grantee
                            where r.rolname = {role} and pg_has_role(d.datdba, 'usage') loop
                 execute format('revoke all on database %I from %I', let_in, {role});
             end loop;
         end $close$;
         {part}",
        name = ident(role),
        role = literal(role),
        part = part_from_members(role),
    );
    run(&mut *connection, lock_out).await.map_err(|error| from_sql("closing the branch's login", error))?;
    tell_members(&mut *connection, role).await?;
    may_act_for(connection, role).await.map(drop)
}

/// Which sessions of roles are to end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sessions {
    All,
    /// Those that began before a password did.
    BegunBefore(OffsetDateTime),
    /// Those of roles that nobody comes in by any more: whoever is frozen before it ends nobody's who was let in again.
    OfLockedOut,
}

/// Ends sessions of the roles, wherever they are.
pub(crate) async fn cut_off(admin: &mut PgConnection, roles: &[&str], which: Sessions) -> Result<(), BuildError> {
    const END: &str = "with session as materialized (
                           select a.pid from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
                            where r.rolname = any($1) and ($2::timestamptz is null or a.backend_start < $2) and not ($3 and r.rolcanlogin)
                       ) select count(pg_terminate_backend(pid)) from session";
    let (before, of_locked_out) = match which {
        Sessions::All => (None, false),
        Sessions::BegunBefore(time) => (Some(time), false),
        Sessions::OfLockedOut => (None, true),
    };
    for _ in 0..LOOKS {
        let ended: i64 = sqlx::query_scalar(END)
            .bind(roles)
            .bind(before)
            .bind(of_locked_out)
            .fetch_one(&mut *admin)
            .await
            .map_err(|error| from_sql(format!("ending the sessions of '{}'", roles.join("', '")), error))?;
        if ended == 0 {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(retryable(format!("sessions of '{}' did not end when told to", roles.join("', '"))))
}

#[cfg(test)]
mod tests {
    use super::name;
    use domain::BranchId;
    use uuid::Uuid;

    #[test]
    fn a_name_tells_instance_and_branch() {
        let [instance, branch] = [0x0a1b_2c3d, 0xdead_beef].map(|id: u128| Uuid::from_u128(id << 96));
        assert_eq!(name(instance, BranchId::from_uuid(branch)), "fluxbase_0a1b2c3d_b_deadbeef");
    }
}
