//! The mark that drift is told by: what a schema is after a migration.

use domain::migration::{MigrationVersion, SchemaMark};
use ports::driven::{DatabasePlace, MigrationRunner, SchemaReader};

/// Records what the schema is from this version on. Without it drift is not known; the migration stands all the same.
pub(crate) async fn record(schemas: &dyn SchemaReader, ledger: &dyn MigrationRunner, place: &DatabasePlace, version: MigrationVersion) {
    let recorded = match schemas.fingerprint(place).await {
        Ok(fingerprint) => ledger.record_fingerprint(place, version, fingerprint.as_str()).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = recorded {
        tracing::warn!(database = %place.database, error, "the schema's fingerprint could not be recorded");
    }
}

/// Records a mark that needs no reading of the schema.
pub(crate) async fn mark(ledger: &dyn MigrationRunner, place: &DatabasePlace, version: MigrationVersion, mark: &SchemaMark) {
    if let Err(error) = ledger.record_fingerprint(place, version, mark.as_str()).await {
        tracing::warn!(database = %place.database, %error, "what is known of the schema's drift could not be recorded");
    }
}
