//! The seed files that a branch is to have.

use domain::{BranchId, DataCloneMode, Failure, Fault};
use ports::driven::{MigrationError, OperationRepository, SeedRunner, StoreError};

/// Refuses names that are not there, seeds for a branch that takes none, and a branch of seeds without any: it would come out empty, and say nothing.
pub(super) async fn check_seeds(runner: &dyn SeedRunner, seeds: Option<&Vec<String>>, mode: DataCloneMode) -> Result<(), Failure> {
    check_mode(seeds, mode)?;
    if mode == DataCloneMode::SeedData { find_seeds(runner, seeds).await } else { Ok(()) }
}

/// Refuses seeds for a branch that takes none.
pub(super) fn check_mode(seeds: Option<&Vec<String>>, mode: DataCloneMode) -> Result<(), Failure> {
    match seeds {
        Some(_) if mode != DataCloneMode::SeedData => Err(Fault::new("/seeds", format!("are for data_clone_mode seed_data; this is {mode}")).into()),
        _ => Ok(()),
    }
}

/// The seed files for a branch that is there: those that are asked for, else those that it was made of, which were a choice; `None` is all of them.
pub(super) async fn chosen_seeds(
    operations: &mut dyn OperationRepository,
    branch: BranchId,
    asked: Option<Vec<String>>,
) -> Result<Chosen, StoreError> {
    match asked {
        Some(asked) => Ok(Chosen { seeds: Some(asked), kept: false }),
        None => Ok(Chosen { seeds: operations.seeds_of(branch).await?, kept: true }),
    }
}

/// The seed files for a branch that is there.
pub(super) struct Chosen {
    /// Their names; `None` is all of them.
    pub(super) seeds: Option<Vec<String>>,
    /// Whether the request left the choice to what the branch was made of.
    kept: bool,
}

impl Chosen {
    /// Refuses names that are not there, and a folder without seeds.
    pub(super) async fn check(&self, runner: &dyn SeedRunner) -> Result<(), Failure> {
        let Some(names) = self.seeds.as_ref().filter(|_| self.kept) else { return find_seeds(runner, self.seeds.as_ref()).await };
        match runner.find(Some(names.clone())).await {
            // Nobody named them in this request.
            Err(MigrationError::Refused { code, message }) => {
                let reason = format!("{message}. The branch was made of {}: name the seeds to take instead", names.join(", "));
                Err(Failure::Conflict { code, reason })
            }
            outcome => Ok(outcome.map(drop)?),
        }
    }
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
