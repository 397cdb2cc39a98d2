//! Reading a parent whose policies hold for its owner too: its builder may pass them while somebody copies it, and at no other time.
//!
//! A table's owner may lift its policies, and the builder acts for the owner: this only lets it read a parent without touching it. Whoever reads holds a
//! shared lock meanwhile; who gets it alone takes the right away.

use super::locks::lock_logins;
use crate::{connect::run, error::from_sql, quoting::ident, settings::Settings};
use domain::branch::DatabaseName;
use ports::driven::{BuildError, LoginPurpose};
use sqlx::{Connection, PgConnection};

/// The right, held until it is ended. Where its holder dies, the sweeper ends it.
pub(crate) struct PastPolicies {
    admin: PgConnection,
    login: String,
}

impl PastPolicies {
    /// Gives the parent's builder the right, where the admin can: elsewhere reading such a table is an error.
    pub(crate) async fn begin(settings: &Settings, parent: &DatabaseName) -> Result<Self, BuildError> {
        let login = settings.logins.of(LoginPurpose::Builder, parent).name;
        let mut admin = settings.admin().await?;
        sqlx::query("select pg_advisory_lock_shared(hashtextextended($1, 0))").bind(lock(&login)).execute(&mut admin).await.map_err(failed)?;
        let mut transaction = admin.begin().await.map_err(failed)?;
        alter(&mut transaction, &login, "bypassrls").await?;
        transaction.commit().await.map_err(failed)?;
        Ok(Self { admin, login })
    }

    /// Takes the right away, unless somebody else reads by it.
    pub(crate) async fn end(mut self) -> Result<(), BuildError> {
        sqlx::query("select pg_advisory_unlock_shared(hashtextextended($1, 0))")
            .bind(lock(&self.login))
            .execute(&mut self.admin)
            .await
            .map_err(failed)?;
        take_away(&mut self.admin, &self.login).await?;
        let _ = self.admin.close().await;
        Ok(())
    }
}

/// Takes the right away from builders whose names begin so, where no copy reads by it: the process that gave it has died.
pub(crate) async fn sweep(admin: &mut PgConnection, prefix: &str) -> Result<(), BuildError> {
    let left: Vec<String> = sqlx::query_scalar("select rolname::text from pg_roles where rolbypassrls and starts_with(rolname, $1)")
        .bind(prefix)
        .fetch_all(&mut *admin)
        .await
        .map_err(failed)?;
    for login in left {
        take_away(&mut *admin, &login).await?;
    }
    Ok(())
}

/// Whether nobody reads by this login's right; nobody begins to before the transaction ends.
pub(crate) async fn is_unused(transaction: &mut PgConnection, login: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_xact_lock(hashtextextended($1, 0))").bind(lock(login)).fetch_one(transaction).await
}

async fn take_away(admin: &mut PgConnection, login: &str) -> Result<(), BuildError> {
    let mut transaction = admin.begin().await.map_err(failed)?;
    if is_unused(&mut transaction, login).await.map_err(failed)? {
        alter(&mut transaction, login, "nobypassrls").await?;
    }
    transaction.commit().await.map_err(failed)
}

/// Nothing where the admin may not, or the login is gone.
async fn alter(transaction: &mut PgConnection, login: &str, attribute: &str) -> Result<(), BuildError> {
    lock_logins(transaction, login).await.map_err(failed)?;
    let may: bool = sqlx::query_scalar(
        "select (select own.rolsuper from pg_roles own where own.rolname = current_user) and exists (select from pg_roles where rolname = $1)",
    )
    .bind(login)
    .fetch_one(&mut *transaction)
    .await
    .map_err(failed)?;
    if may {
        run(transaction, format!("alter role {} {attribute}", ident(login))).await.map_err(failed)?;
    }
    Ok(())
}

fn lock(login: &str) -> String {
    format!("fluxbase past policies {login}")
}

fn failed(error: sqlx::Error) -> BuildError {
    from_sql("reading past policies", error)
}
