//! The mark that drift is told by: what a schema is after a migration.

use domain::migration::{MigrationVersion, SchemaMark};
use ports::driven::{DatabasePlace, MigrationRunner, SchemaReader};

/// Records what the schema is from this version on. Without it drift is not known; the migration stands all the same.
pub(crate) async fn record(schemas: &dyn SchemaReader, ledger: &dyn MigrationRunner, place: &DatabasePlace, version: MigrationVersion) {
    match schemas.fingerprint(place).await {
        Ok(fingerprint) => mark(ledger, place, version, &SchemaMark::clean(&fingerprint)).await,
        Err(error) => tracing::warn!(database = %place.database, %error, "the schema's fingerprint could not be read"),
    }
}

/// Records a mark that needs no reading of the schema.
pub(crate) async fn mark(ledger: &dyn MigrationRunner, place: &DatabasePlace, version: MigrationVersion, mark: &SchemaMark) {
    if let Err(error) = ledger.record_fingerprint(place, version, mark.as_str()).await {
        tracing::warn!(database = %place.database, %error, "what is known of the schema's drift could not be recorded");
    }
}
