//! The mark that drift is told by: what a schema is after a migration.

use domain::migration::MigrationVersion;
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
