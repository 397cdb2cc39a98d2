//! Who may become whom.

use super::{
    capabilities::Capabilities,
    error::{ProvisionError, is_denied},
    logins::Logins,
    roles::{ANON, AUTHENTICATED, BRANCH_OWNER, SERVICE_ROLE},
    sql::{ident, run},
};
use sqlx::{Connection, PgConnection};

/// `member` may SET ROLE to `role`; whether it has the role's rights without doing so is the member's INHERIT attribute, and from 16 on the grant's too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Membership<'a> {
    pub(super) role: &'a str,
    pub(super) member: &'a str,
    pub(super) inherit: bool,
}

/// The memberships that every instance has.
pub(super) async fn ensure_ours(connection: &mut PgConnection, capabilities: &Capabilities, logins: &Logins) -> Result<(), ProvisionError> {
    let becomes = |role, member| Membership { role, member, inherit: false };
    let mut ours = vec![
        becomes(ANON, logins.user.name.as_str()),
        becomes(AUTHENTICATED, &logins.user.name),
        becomes(SERVICE_ROLE, &logins.service.name),
        Membership { role: BRANCH_OWNER, member: &logins.builder.name, inherit: true },
    ];
    if !capabilities.superuser {
        // Only a member may give objects to a role.
        ours.insert(0, becomes(BRANCH_OWNER, &capabilities.admin));
    }
    for membership in ours {
        ensure(connection, capabilities, membership).await?;
    }
    Ok(())
}

/// Grants a membership that is not there yet.
pub(super) async fn ensure(connection: &mut PgConnection, capabilities: &Capabilities, wanted: Membership<'_>) -> Result<(), ProvisionError> {
    if is_there(connection, capabilities, wanted).await? {
        return Ok(());
    }
    // In a savepoint, so that who can do without goes on.
    let mut savepoint = connection.begin().await?;
    match run(&mut savepoint, grant(capabilities, wanted)).await {
        Ok(()) => Ok(savepoint.commit().await?),
        Err(error) if is_denied(&error) => Err(ProvisionError::NotAllowed {
            admin: capabilities.admin.clone(),
            what: format!("let '{}' become '{}'", wanted.member, wanted.role),
            way_round: format!("grant {} to {} with admin option", ident(wanted.role), ident(&capabilities.admin)),
        }),
        Err(error) => Err(error.into()),
    }
}

fn grant(capabilities: &Capabilities, wanted: Membership<'_>) -> String {
    let grant = format!("grant {} to {}", ident(wanted.role), ident(wanted.member));
    if capabilities.grants_have_options() { format!("{grant} with inherit {}, set true", wanted.inherit) } else { grant }
}

async fn is_there(connection: &mut PgConnection, capabilities: &Capabilities, wanted: Membership<'_>) -> Result<bool, sqlx::Error> {
    const PLAIN: &str = "select exists (
        select from pg_auth_members m join pg_roles r on r.oid = m.roleid join pg_roles o on o.oid = m.member
        where r.rolname = $1 and o.rolname = $2 and $3 is not null)";
    // There may be a grant by each of several grantors.
    const WITH_OPTIONS: &str = "select coalesce(bool_or(m.set_option) and bool_or(m.inherit_option) = $3, false)
        from pg_auth_members m join pg_roles r on r.oid = m.roleid join pg_roles o on o.oid = m.member
        where r.rolname = $1 and o.rolname = $2";
    let sql = if capabilities.grants_have_options() { WITH_OPTIONS } else { PLAIN };
    sqlx::query_scalar(sql).bind(wanted.role).bind(wanted.member).bind(wanted.inherit).fetch_one(connection).await
}
