//! The seed files that a request names.

use domain::{DataCloneMode, Failure, Fault};
use ports::driven::{MigrationError, SeedRunner};

/// Refuses names that are not there, and seeds for a branch that takes none.
pub(super) async fn check_seeds(runner: &dyn SeedRunner, seeds: Option<&Vec<String>>, mode: DataCloneMode) -> Result<(), Failure> {
    let Some(names) = seeds else { return Ok(()) };
    if mode != DataCloneMode::SeedData {
        return Err(Fault::new("/seeds", format!("are for data_clone_mode seed_data; this is {mode}")).into());
    }
    match runner.find(Some(names.clone())).await {
        Ok(_) => Ok(()),
        Err(MigrationError::Refused { message, .. }) => Err(Fault::new("/seeds", message).into()),
        Err(other) => Err(other.into()),
    }
}
