//! Refuses logins that could do more than the traffic over them is meant to.

use super::{
    error::ProvisionError,
    logins::Logins,
    roles::{ANON, AUTHENTICATED, BRANCH_OWNER, Role},
    sql::ident,
};
use sqlx::PgConnection;

/// A role that a login may become, straight or through others.
#[derive(sqlx::FromRow)]
struct Reach {
    role: String,
    through: String,
    superuser: bool,
}

/// Checks the logins as they are now, whoever altered them.
pub(super) async fn check(connection: &mut PgConnection, logins: &Logins) -> Result<(), ProvisionError> {
    for login in [&logins.user, &logins.service, &logins.builder] {
        check_attributes(connection, &login.name).await?;
    }
    check_reach(connection, &logins.user.name, |reach| [ANON, AUTHENTICATED].contains(&reach.role.as_str())).await?;
    // Code that people wrote runs as the builder: it must find no way out of the branches.
    check_reach(connection, &logins.builder.name, |reach| reach.role == BRANCH_OWNER).await?;
    check_reach(connection, &logins.service.name, |reach| !reach.superuser).await
}

async fn check_attributes(connection: &mut PgConnection, login: &str) -> Result<(), ProvisionError> {
    let role = Role::find(connection, login).await?;
    match role.and_then(|role| role.excess(false)) {
        None => Ok(()),
        Some((reason, cure)) => Err(ProvisionError::UnsafeLogin {
            login: login.to_owned(),
            reason: reason.to_owned(),
            way_round: format!("Run: alter role {} {cure}", ident(login)),
        }),
    }
}

async fn check_reach(connection: &mut PgConnection, login: &str, is_fine: impl Fn(&Reach) -> bool) -> Result<(), ProvisionError> {
    let reached: Vec<Reach> = sqlx::query_as(
        "with recursive reach (role, through) as (
             select m.roleid, m.member from pg_auth_members m join pg_roles l on l.oid = m.member where l.rolname = $1
             union
             select m.roleid, m.member from pg_auth_members m join reach r on r.role = m.member
         )
         select o.rolname::text as role, t.rolname::text as through, o.rolsuper as superuser
           from reach r join pg_roles o on o.oid = r.role join pg_roles t on t.oid = r.through order by 1, 2",
    )
    .bind(login)
    .fetch_all(connection)
    .await?;
    match reached.into_iter().find(|reach| !is_fine(reach)) {
        None => Ok(()),
        Some(Reach { role, through, .. }) => Err(ProvisionError::UnsafeLogin {
            login: login.to_owned(),
            reason: format!("can become '{role}', through '{through}'"),
            way_round: format!("Run: revoke {} from {}", ident(&role), ident(&through)),
        }),
    }
}
