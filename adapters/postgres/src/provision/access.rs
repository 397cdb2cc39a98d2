//! Who may connect to main's database, and look into the exposed schemas of our own.

use super::{
    ProvisionOptions,
    capabilities::Capabilities,
    error::{ProvisionError, is_denied},
    logins::Logins,
    roles::{ANON, AUTHENTICATED},
    sql::{ident, run},
};
use sqlx::PgConnection;

/// Grants what is missing.
pub(super) async fn ensure(
    connection: &mut PgConnection,
    capabilities: &Capabilities,
    logins: &Logins,
    options: &ProvisionOptions,
) -> Result<(), ProvisionError> {
    if options.ours {
        // Logins of branches may become `authenticated` as well, and whoever takes one of them over must not come here with claims of his own.
        shut_the_public_out(connection, capabilities).await?;
    }
    for login in [&logins.user.name, &logins.service.name] {
        let_connect(connection, capabilities, login).await?;
    }
    let schemas = if options.ours { options.schemas.as_slice() } else { &[] };
    for schema in schemas {
        for role in [ANON, AUTHENTICATED] {
            if !holds(connection, "select has_schema_privilege($1, $2, 'USAGE')", role, schema).await? {
                run(connection, format!("grant usage on schema {} to {}", ident(schema), ident(role))).await?;
            }
        }
    }
    Ok(())
}

async fn shut_the_public_out(connection: &mut PgConnection, capabilities: &Capabilities) -> Result<(), ProvisionError> {
    if lets_public_in(connection).await? {
        run(connection, format!("revoke connect on database {} from public", ident(&capabilities.database))).await?;
    }
    Ok(())
}

/// Whether every login of the server may connect to this database.
pub(super) async fn lets_public_in(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
                         where d.datname = current_database() and a.grantee = 0 and a.privilege_type = 'CONNECT')",
    )
    .fetch_one(connection)
    .await
}

/// Usually everybody may connect. Where the admin may not grant it, PostgreSQL refuses or only warns, so the outcome is looked at.
pub(super) async fn let_connect(connection: &mut PgConnection, capabilities: &Capabilities, login: &str) -> Result<(), ProvisionError> {
    const MAY_CONNECT: &str = "select has_database_privilege($1, $2, 'CONNECT')";
    let database = &capabilities.database;
    if holds(connection, MAY_CONNECT, login, database).await? {
        return Ok(());
    }
    let grant = format!("grant connect on database {} to {}", ident(database), ident(login));
    match run(connection, grant.clone()).await {
        Ok(()) if holds(connection, MAY_CONNECT, login, database).await? => return Ok(()),
        Err(error) if !is_denied(&error) => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    let what = format!("let '{login}' connect to database '{database}'");
    Err(ProvisionError::NotAllowed { admin: capabilities.admin.clone(), what, way_round: grant })
}

async fn holds(connection: &mut PgConnection, question: &'static str, role: &str, object: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(question).bind(role).bind(object).fetch_one(connection).await
}
