//! The schemas of ours that every branch's database has, made and brought up to date.

use super::{
    auth_schema::{self, AuthSchema},
    error::ProvisionError,
};
use sqlx::{Connection, PgConnection, PgPool, migrate::Migrator};

/// Applies the data migrations that a database lacks: main's, over the admin login; a branch's, over the builder's, when it is opened. Those who start at
/// once take turns; a database that a newer Fluxbase has migrated is refused.
pub async fn migrate_data(pool: &PgPool) -> Result<AuthSchema, ProvisionError> {
    let mut connection = pool.acquire().await?.detach();
    let migrated = migrate_over(&mut connection).await;
    // After a failure the session still holds the runner's advisory lock: it must end.
    let closed = connection.close().await;
    let auth = migrated?;
    closed?;
    Ok(auth)
}

/// The same over a connection that is there. After a failure it must end.
pub(crate) async fn migrate_over(connection: &mut PgConnection) -> Result<AuthSchema, ProvisionError> {
    sqlx::raw_sql("set search_path = pg_catalog").execute(&mut *connection).await?;
    // The schema and its ledger row come in one transaction, so that looking needs no lock.
    let auth = auth_schema::find(connection).await?;
    // The way that is not generic over how a connection is got: futures that hold it can be sent.
    migrator(auth).run_direct(None, connection, false).await.map_err(ProvisionError::Migration)?;
    Ok(auth)
}

/// All of them, or those that have nothing to do with a foreign `auth` schema.
fn migrator(auth: AuthSchema) -> Migrator {
    let all = sqlx::migrate!("../../migrations/data");
    let ours = all.iter().filter(|migration| auth == AuthSchema::Ours || !migration.description.starts_with("auth")).cloned();
    let mut migrator = Migrator::with_migrations(ours.collect());
    migrator.create_schema("fluxbase_migrations");
    migrator.dangerous_set_table_name("fluxbase_migrations.data");
    migrator
}

#[cfg(test)]
mod tests {
    use super::{AuthSchema, migrator};

    #[test]
    fn migrations_are_numbered_without_a_gap_and_auth_can_be_left_out() {
        let versions: Vec<i64> = migrator(AuthSchema::Ours).iter().map(|migration| migration.version).collect();
        assert!(!versions.is_empty());
        assert_eq!(versions, (1..).take(versions.len()).collect::<Vec<i64>>());
        assert!(migrator(AuthSchema::Foreign).iter().all(|migration| !migration.description.starts_with("auth")));
    }
}
