//! Run seed files on a branch that is there.

use super::{
    lookup::{check_owner, find_locked},
    ports::BranchPorts,
    seeds::chosen_seeds,
    start::Start,
};
use async_trait::async_trait;
use domain::{Action, Caller, Failure, OperationKind, branch::AccessLevel, operation::OperationInput};
use ports::driving::{SeedBranch, StartedOperation, UseCase};

/// See [`SeedBranch`].
pub struct SeedBranchUseCase {
    ports: BranchPorts,
}

impl SeedBranchUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }
}

#[async_trait]
impl UseCase<SeedBranch> for SeedBranchUseCase {
    async fn run(&self, caller: &Caller, command: SeedBranch) -> Result<StartedOperation, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let branch = find_locked(&mut *work, caller, &command.branch, AccessLevel::Read).await?;
        check_owner(&branch, &caller.principal)?;
        if branch.is_main() {
            let reason = "seeds are for branches: the main branch has rows of its own".to_owned();
            return Err(Failure::Conflict { code: "main_branch", reason });
        }
        let chosen = chosen_seeds(work.operations(), branch.id, command.seeds).await?;
        chosen.check(&*self.ports.seeds).await?;
        let start = Start::new(&self.ports, caller, Action::SeedBranch, "seed_requested");
        let input = OperationInput { seeds: chosen.seeds, error_before: branch.state.error().map(str::to_owned), ..OperationInput::default() };
        // As for migrations: it serves on, and nothing else is done to it meanwhile.
        let branch = branch.migrate(start.id, start.now)?;
        let operation = start.operation(OperationKind::SeedBranch, &branch, input);
        start.commit(work, branch, true, operation).await
    }
}

#[cfg(test)]
mod tests {
    use super::SeedBranchUseCase;
    use crate::{
        branches::BranchPorts,
        testing::{branch, branch_ports, caller, main_branch, work_with},
    };
    use domain::{Branch, OperationId, Scope};
    use ports::{
        driven::{MigrationError, MockSeedRunner, SeedFile},
        driving::{SeedBranch, UseCase},
    };
    use std::sync::Arc;
    use time::OffsetDateTime;
    use uuid::Uuid;

    async fn outcome(branch: Branch, files: Vec<SeedFile>) -> Result<(), String> {
        let mut work = work_with(Some(branch));
        work.branches.expect_update().returning(|_| Ok(()));
        work.operations.expect_insert().returning(|_| Ok(()));
        work.activity.expect_record().returning(|_| Ok(()));
        work.audit.expect_record().returning(|_| Ok(()));
        work.operations.expect_seeds_of().returning(|_| Ok(None));
        let mut seeds = MockSeedRunner::new();
        seeds.expect_find().returning(move |_| Ok(files.clone()));
        let ports = BranchPorts { seeds: Arc::new(seeds), ..branch_ports(work) };
        let command = SeedBranch { branch: "pr-1".to_owned(), seeds: None };
        let caller = caller(Some(1), [Scope::WriteBranches, Scope::AdminBranches]);
        SeedBranchUseCase::new(ports).run(&caller, command).await.map(drop).map_err(|failure| failure.code().to_owned())
    }

    #[tokio::test]
    async fn seeds_are_run_on_a_branch_that_is_idle_and_not_on_main() {
        let file = || vec![SeedFile { seed: domain::migration::Seed::named("1_a.sql").unwrap(), path: "1_a.sql".into() }];
        let busy = branch("pr-1", Some(1)).migrate(OperationId::from_uuid(Uuid::nil()), OffsetDateTime::UNIX_EPOCH).unwrap();
        assert_eq!(outcome(branch("pr-1", Some(1)), file()).await, Ok(()));
        assert_eq!(outcome(branch("pr-1", Some(1)), Vec::new()).await.unwrap_err(), "no_seeds");
        assert_eq!(outcome(busy, file()).await.unwrap_err(), "operation_running");
        assert_eq!(outcome(main_branch(), file()).await.unwrap_err(), "main_branch");
    }

    #[tokio::test]
    async fn what_the_branch_was_made_of_and_is_gone_is_told_by_who_chose_it() {
        for (asked, told) in [(None, "The branch was made of 1_a.sql"), (Some(vec!["1_a.sql".to_owned()]), "/seeds")] {
            let mut work = work_with(Some(branch("pr-1", Some(1))));
            work.operations.expect_seeds_of().returning(|_| Ok(Some(vec!["1_a.sql".to_owned()])));
            let mut seeds = MockSeedRunner::new();
            let gone = |_| Err(MigrationError::Refused { code: "seed_unknown", message: "there is no seed file '1_a.sql'".to_owned() });
            seeds.expect_find().returning(gone);
            let ports = BranchPorts { seeds: Arc::new(seeds), ..branch_ports(work) };
            let command = SeedBranch { branch: "pr-1".to_owned(), seeds: asked };
            let refused = SeedBranchUseCase::new(ports).run(&caller(Some(1), [Scope::WriteBranches]), command).await.unwrap_err();
            assert!(refused.to_string().contains(told) && refused.to_string().contains("no seed file '1_a.sql'"), "{refused}");
        }
    }
}
