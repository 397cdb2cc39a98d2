//! Whom service traffic connects as and becomes.

use super::{
    capabilities::Capabilities,
    error::ProvisionError,
    logins::Logins,
    memberships::{self, Membership},
    roles::{BRANCH_OWNER, SERVICE_ROLE},
};
use serde::Serialize;
use sqlx::PgConnection;

/// The login that service traffic comes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceSeat {
    /// The instance's own service login.
    ServiceLogin,
    /// The admin login: tables are its own. From PostgreSQL 16 on nobody can let another login become himself; before, he could, and would then have
    /// no way to end that login's sessions when a branch goes, since no two roles can be members of each other.
    AdminLogin,
}

/// Whom service traffic connects as and becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceAccess {
    /// The login, on main. In branch databases it is always the service login.
    pub main_seat: ServiceSeat,
    /// The role to become on main: `service_role`, or the owner of the tables where no role can be made to bypass row level security.
    pub main_role: String,
    /// The role to become in branch databases.
    pub branch_role: String,
}

/// Finds the role that sees all rows, and lets the service login become it.
pub(super) async fn ensure(
    connection: &mut PgConnection,
    capabilities: &Capabilities,
    service_role_bypasses: bool,
    logins: &Logins,
    schemas: &[String],
) -> Result<ServiceAccess, ProvisionError> {
    if service_role_bypasses {
        let main_role = SERVICE_ROLE.to_owned();
        return Ok(ServiceAccess { main_seat: ServiceSeat::ServiceLogin, branch_role: main_role.clone(), main_role });
    }
    let becomes = |role| Membership { role, member: &logins.service.name, inherit: false };
    memberships::ensure(connection, capabilities, becomes(BRANCH_OWNER)).await?;
    let main_role = main_owner(connection, schemas).await?.unwrap_or_else(|| capabilities.admin.clone());
    if main_role == capabilities.admin {
        return Ok(ServiceAccess { main_seat: ServiceSeat::AdminLogin, main_role, branch_role: BRANCH_OWNER.to_owned() });
    }
    let main_seat = match memberships::ensure(connection, capabilities, becomes(&main_role)).await {
        Ok(()) => ServiceSeat::ServiceLogin,
        Err(ProvisionError::NotAllowed { .. }) => ServiceSeat::AdminLogin,
        Err(error) => return Err(error),
    };
    Ok(ServiceAccess { main_seat, main_role, branch_role: BRANCH_OWNER.to_owned() })
}

/// The role with the rights of the owners of most of what is exposed, among those owners and the admin; of several, one that is not the admin.
pub(super) async fn main_owner(connection: &mut PgConnection, schemas: &[String]) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(
        "with tables as (
             select c.oid, c.relowner from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where n.nspname = any($1) and c.relkind in ('r', 'p')
         )
         select o.rolname::text
           from pg_roles o join tables t on pg_has_role(o.oid, t.relowner, 'USAGE')
          where o.rolname = current_user or (o.oid in (select relowner from tables) and not o.rolsuper and pg_has_role(o.oid, 'MEMBER'))
          group by o.rolname order by count(*) desc, o.rolname = current_user, o.rolname limit 1",
    )
    .bind(schemas)
    .fetch_optional(connection)
    .await
}
