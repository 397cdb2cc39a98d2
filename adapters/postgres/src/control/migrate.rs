//! The schemas of the control plane, made and brought up to date.

use super::error::store;
use ports::driven::StoreError;
use sqlx::{
    Connection, PgPool,
    migrate::{MigrateError, Migrator},
};

/// Applies the migrations that this database lacks. Replicas that start at once take turns; a database that a newer Fluxbase has migrated is refused.
pub async fn migrate(pool: &PgPool) -> Result<(), StoreError> {
    let mut connection = pool.acquire().await.map_err(store)?.detach();
    let migrated = migrator().run(&mut connection).await.map_err(unfold);
    // After a failure the session still holds the runner's advisory lock: it must end.
    let closed = connection.close().await.map_err(store);
    migrated.and(closed)
}

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("../../migrations/control");
    migrator.create_schema("fluxbase");
    migrator.dangerous_set_table_name("fluxbase.control_migrations");
    migrator
}

fn unfold(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(cause) => store(cause),
        other => StoreError::Unexpected(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::migrator;

    #[test]
    fn migrations_are_numbered_without_a_gap() {
        let versions: Vec<i64> = migrator().iter().map(|migration| migration.version).collect();
        assert!(!versions.is_empty());
        assert_eq!(versions, (1..).take(versions.len()).collect::<Vec<i64>>());
    }
}
