//! Of roles that are to go, in databases that are no branch's.

use super::{Prepared, failed, roll_back_by_admin};
use crate::{logins::login_objects::owner_instance, settings::Settings};
use domain::branch::DatabaseName;
use ports::driven::BuildError;
use sqlx::PgConnection;

/// Rolls back what these roles prepared in databases that are no branch's: nobody but a superuser may once they are dropped. Tells whether nothing of theirs is
/// left. What is, in a branch, goes before its database does, by logins that may become them: as long as it is there, the roles have to be.
pub(crate) async fn roll_back_of(admin: &mut PgConnection, settings: &Settings, roles: &[&str]) -> Result<bool, BuildError> {
    let databases: Vec<(String, Option<String>)> = sqlx::query_as(
        "select distinct d.datname::text, shobj_description(d.oid, 'pg_database')
           from pg_prepared_xacts p join pg_database d on d.datname = p.database where p.owner = any($1)",
    )
    .bind(roles)
    .fetch_all(&mut *admin)
    .await
    .map_err(failed)?;
    if databases.is_empty() {
        return Ok(true);
    }
    for (database, comment) in databases {
        if comment.as_deref().and_then(owner_instance).is_some() {
            continue;
        }
        let database = DatabaseName::existing(database);
        let theirs = prepared_in(&mut *admin, &database, roles).await?;
        if let Err(error) = roll_back_by_admin(settings, &database, &theirs).await {
            tracing::warn!(%error, %database, ?roles, "what a branch's login prepared could not be rolled back");
        }
    }
    let left: Vec<String> = sqlx::query_scalar("select distinct database::text from pg_prepared_xacts where owner = any($1)")
        .bind(roles)
        .fetch_all(admin)
        .await
        .map_err(failed)?;
    if !left.is_empty() {
        tracing::info!(?roles, databases = ?left, "transactions that a branch's login prepared are left: it is dropped once they have ended");
    }
    Ok(left.is_empty())
}

async fn prepared_in(admin: &mut PgConnection, database: &DatabaseName, roles: &[&str]) -> Result<Vec<Prepared>, BuildError> {
    sqlx::query_as("select transaction::text, owner::text from pg_prepared_xacts where database = $1 and owner = any($2)")
        .bind(database.as_str())
        .bind(roles)
        .fetch_all(admin)
        .await
        .map_err(failed)
}
