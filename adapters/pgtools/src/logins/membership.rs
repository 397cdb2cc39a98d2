//! Membership of roles in roles, as each version of the server has it.

use crate::{
    connect::{major, run},
    error::from_sql,
    quoting::ident,
    settings::Settings,
};
use domain::branch::DatabaseName;
use ports::driven::{BuildError, LoginPurpose};
use sqlx::PgConnection;

/// Whether a member has the role's rights without becoming it, and whether it may become it.
pub(crate) struct Use {
    pub(crate) inherit: bool,
    pub(crate) set: bool,
}

impl Use {
    /// Both.
    pub(crate) const WHOLE: Self = Self { inherit: true, set: true };
}

/// The statement that makes a member; `member` is quoted where it is a name. Before PostgreSQL 16 a membership does not say what it is good for.
pub(crate) fn grant(server_major: u32, role: &str, member: &str, Use { inherit, set }: Use) -> String {
    let options = if server_major >= 16 { format!(" with inherit {inherit}, set {set}") } else { String::new() };
    format!("grant {} to {member}{options}", ident(role))
}

/// Whether the server tells who granted a membership apart, in SQL: for statements that are whole before they reach one.
const GRANTORS_COUNT: &str = "current_setting('server_version_num')::int4 >= 160000";

/// A loop of PL/pgSQL over the record `membership`: ends the memberships `m` of which the condition holds. From PostgreSQL 16 on each is its grantor's, ends with
/// what the member granted on, and stays where the admin may not act for the grantor.
pub(crate) fn end_each(condition: &str) -> String {
    format!(
        "for membership in select role.rolname as role, member.rolname as member, grantor.rolname as grantor
                             from pg_auth_members m join pg_roles role on role.oid = m.roleid join pg_roles member on member.oid = m.member
                             left join pg_roles grantor on grantor.oid = m.grantor
                            where {condition} and case when {GRANTORS_COUNT} then pg_has_role(m.grantor, 'usage') else true end loop
             begin
                 execute format('revoke %I from %I', membership.role, membership.member)
                     || case when {GRANTORS_COUNT} then format(' granted by %I cascade', membership.grantor) else '' end;
             exception when undefined_object or insufficient_privilege then
                 null;
             end;
         end loop;"
    )
}

/// Lets an admin that is no superuser end the role's sessions and give away what it owns. One that made it may from PostgreSQL 16 on administer it, but
/// not act for it until it grants itself so. Tells whether there was anything to grant.
pub(crate) async fn may_act_for(admin: &mut PgConnection, role: &str) -> Result<bool, BuildError> {
    let failed = |error| from_sql(format!("taking leave to act for '{role}'"), error);
    let lacking: Option<bool> = sqlx::query_scalar("select not pg_has_role(oid, 'usage') from pg_roles where rolname = $1")
        .bind(role)
        .fetch_optional(&mut *admin)
        .await
        .map_err(failed)?;
    if lacking != Some(true) {
        return Ok(false);
    }
    let grant = grant(major(admin), role, "current_user", Use { inherit: true, set: false });
    run(admin, grant).await.map(|()| true).map_err(failed)
}

/// Lets the builder of a database act for a login that people connect to branches by, until it is parted from it: by who let it, by a revoke, or by the next
/// password. A grant would wait for whoever holds the role, so none is made for what is so already.
pub(crate) async fn let_builder_act_for(
    admin: &mut PgConnection,
    settings: &Settings,
    role: &str,
    database: &DatabaseName,
) -> Result<(), BuildError> {
    let builder = settings.logins.of(LoginPurpose::Builder, database).name;
    if !is_whole_member(&mut *admin, &builder, role).await? {
        let grant = grant(major(admin), role, &ident(&builder), Use::WHOLE);
        run(admin, grant).await.map_err(|error| from_sql("letting the builder act for the branch's login", error))?;
    }
    Ok(())
}

/// Whether the member has the role's rights, and may become it.
pub(crate) async fn is_whole_member(connection: &mut PgConnection, member: &str, role: &str) -> Result<bool, BuildError> {
    let how = if major(connection) >= 16 { "set" } else { "member" };
    sqlx::query_scalar("select pg_has_role($1::name, $2::name, 'usage') and pg_has_role($1::name, $2::name, $3)")
        .bind(member)
        .bind(role)
        .bind(how)
        .fetch_one(connection)
        .await
        .map_err(|error| from_sql(format!("looking whether '{member}' may act for '{role}'"), error))
}
