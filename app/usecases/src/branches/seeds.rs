//! The seed files that a branch is to have.

use domain::{DataCloneMode, Failure, Fault};
use ports::driven::{MigrationError, SeedRunner};

/// Refuses names that are not there, seeds for a branch that takes none, and a branch of seeds without any: it would come out empty, and say nothing.
pub(super) async fn check_seeds(runner: &dyn SeedRunner, seeds: Option<&Vec<String>>, mode: DataCloneMode) -> Result<(), Failure> {
    if mode != DataCloneMode::SeedData {
        return match seeds {
            None => Ok(()),
            Some(_) => Err(Fault::new("/seeds", format!("are for data_clone_mode seed_data; this is {mode}")).into()),
        };
    }
    find_seeds(runner, seeds).await
}

/// Refuses names that are not there, and a folder without seeds.
pub(super) async fn find_seeds(runner: &dyn SeedRunner, seeds: Option<&Vec<String>>) -> Result<(), Failure> {
    match (runner.find(seeds.cloned()).await, seeds) {
        (Ok(found), None) if found.is_empty() => Err(Failure::Conflict { code: NO_SEEDS, reason: no_seeds() }),
        (Ok(found), Some(_)) if found.is_empty() => {
            Err(Fault::new("/seeds", "name at least one seed file, or leave this out for all of them").into())
        }
        (Err(MigrationError::Refused { message, .. }), Some(_)) => Err(Fault::new("/seeds", message).into()),
        (outcome, _) => Ok(outcome.map(drop)?),
    }
}

/// Stable code of [`no_seeds`].
pub(crate) const NO_SEEDS: &str = "no_seeds";

/// Why nothing can be sown.
pub(crate) fn no_seeds() -> String {
    "there is no seed file (.sql or .csv) where the server looks for them: the setting branching.seeds_dir names that folder, 'seeds' in the server's \
     working folder unless it is set; put files there, or choose another data_clone_mode"
        .to_owned()
}
