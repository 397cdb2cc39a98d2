//! Whether the databases of branches are called as the settings say.

use super::error::ProvisionError;
use sqlx::PgPool;
use uuid::Uuid;

/// Databases by the mark they bear, which says whose they are whatever they are called; those of live branches whose names begin otherwise.
const CALLED_OTHERWISE: &str = r#"
    select d.datname::text
      from pg_database d
      join branching.branches b
        on b.status <> 'deleted'
       and starts_with(shobj_description(d.oid, 'pg_database'), format('{"fluxbase":{"instance":"%s","branch":"%s","generation":', $1, b.id))
     where not starts_with(d.datname, $2 || b.slug || '_g')
     order by 1"#;

/// Refuses another prefix than that which branches were made under: nothing would find their data, and nobody would ever drop it.
pub async fn check_database_prefix(pool: &PgPool, instance: Uuid, prefix: &str) -> Result<(), ProvisionError> {
    let databases: Vec<String> = sqlx::query_scalar(CALLED_OTHERWISE).bind(instance).bind(prefix).fetch_all(pool).await?;
    if databases.is_empty() {
        return Ok(());
    }
    Err(ProvisionError::BranchesElsewhere { prefix: prefix.to_owned(), databases: databases.join(", ") })
}
