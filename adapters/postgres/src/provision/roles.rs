//! The roles that requests and branch objects belong to. They are the whole server's: those that exist with fitting attributes are adopted.

use super::{
    capabilities::Capabilities,
    error::ProvisionError,
    sql::{ident, run},
};
use sqlx::PgConnection;

/// The role of requests without a user.
pub const ANON: &str = "anon";
/// The role of requests of a user.
pub const AUTHENTICATED: &str = "authenticated";
/// The role of service keys.
pub const SERVICE_ROLE: &str = "service_role";
/// Owner of every object in branch databases.
pub const BRANCH_OWNER: &str = domain::branch::OWNER_ROLE;

/// What a role is allowed beyond its grants.
#[derive(Debug, sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute of its own")]
pub(super) struct Role {
    #[sqlx(rename = "rolsuper")]
    pub(super) superuser: bool,
    #[sqlx(rename = "rolbypassrls")]
    pub(super) bypasses_rls: bool,
    #[sqlx(rename = "rolcreaterole")]
    pub(super) creates_roles: bool,
    #[sqlx(rename = "rolcreatedb")]
    pub(super) creates_databases: bool,
    #[sqlx(rename = "rolreplication")]
    pub(super) replicates: bool,
    #[sqlx(rename = "rolcanlogin")]
    pub(super) logs_in: bool,
    #[sqlx(rename = "rolinherit")]
    pub(super) inherits: bool,
}

impl Role {
    pub(super) async fn find(connection: &mut PgConnection, name: &str) -> Result<Option<Self>, sqlx::Error> {
        sqlx::query_as(
            "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin, rolinherit from pg_roles where rolname = $1",
        )
        .bind(name)
        .fetch_optional(connection)
        .await
    }

    /// The power that a role of ours must not have, in words, with the attribute that takes it away.
    pub(super) fn excess(&self, may_bypass_rls: bool) -> Option<(&'static str, &'static str)> {
        [
            (self.superuser, "is a superuser", "nosuperuser"),
            (self.bypasses_rls && !may_bypass_rls, "bypasses row level security", "nobypassrls"),
            (self.creates_roles, "may create roles", "nocreaterole"),
            (self.creates_databases, "may create databases", "nocreatedb"),
            (self.replicates, "may replicate", "noreplication"),
        ]
        .into_iter()
        .find_map(|(has, what, cure)| has.then_some((what, cure)))
    }
}

/// Makes or adopts the four roles. Tells whether `service_role` bypasses row level security.
pub(super) async fn ensure(connection: &mut PgConnection, capabilities: &Capabilities) -> Result<bool, ProvisionError> {
    for name in [ANON, AUTHENTICATED, BRANCH_OWNER] {
        make_or_adopt(connection, name, false).await?;
    }
    let bypasses = make_or_adopt(connection, SERVICE_ROLE, true).await?;
    if bypasses || !capabilities.can_grant_bypass_rls || !may_alter(connection, SERVICE_ROLE).await? {
        return Ok(bypasses);
    }
    run(connection, format!("alter role {} bypassrls", ident(SERVICE_ROLE))).await?;
    Ok(true)
}

async fn make_or_adopt(connection: &mut PgConnection, name: &str, may_bypass_rls: bool) -> Result<bool, ProvisionError> {
    let Some(role) = Role::find(connection, name).await? else {
        run(connection, format!("create role {} nologin", ident(name))).await?;
        return Ok(false);
    };
    match role.excess(may_bypass_rls) {
        None => Ok(role.bypasses_rls),
        Some((reason, cure)) => {
            Err(ProvisionError::UnfitRole { role: name.to_owned(), reason, way_round: format!("Run: alter role {} {cure}", ident(name)) })
        }
    }
}

/// From 16 on, a role is altered only by those who administer it.
async fn may_alter(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select current_setting('server_version_num')::int < 160000 or pg_has_role($1, 'USAGE WITH ADMIN OPTION')")
        .bind(name)
        .fetch_one(connection)
        .await
}
