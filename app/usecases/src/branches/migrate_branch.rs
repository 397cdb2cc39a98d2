//! Apply the migrations that a branch's ledger lacks.

use super::{
    lookup::{check_owner, find_admitted, find_locked},
    migration_view::{no_migrations, read_call},
    ports::BranchPorts,
    start::Start,
    trials::check_room,
};
use async_trait::async_trait;
use domain::{Action, Caller, Failure, OperationKind, StepName, branch::AccessLevel, operation::OperationInput};
use ports::driving::{MigrateBranch, StartedOperation, UseCase};

/// See [`MigrateBranch`].
pub struct MigrateBranchUseCase {
    ports: BranchPorts,
}

impl MigrateBranchUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }
}

#[async_trait]
impl UseCase<MigrateBranch> for MigrateBranchUseCase {
    async fn run(&self, caller: &Caller, command: MigrateBranch) -> Result<StartedOperation, Failure> {
        read_call(&*self.ports.migrations, &command.files)?;
        let control_plane = &*self.ports.control_plane;
        let (mut work, branch) = if command.dry_run {
            // Trials are counted under the lock that they are added under; it comes before the branch's own.
            find_admitted(control_plane, caller, &command.branch, AccessLevel::Read).await?
        } else {
            let mut work = control_plane.begin().await?;
            let branch = find_locked(&mut *work, caller, &command.branch, AccessLevel::Read).await?;
            (work, branch)
        };
        check_owner(&branch, &caller.principal)?;
        if command.files.is_empty() && self.ports.migration_files.read().await?.is_empty() {
            return Err(no_migrations());
        }
        let mut start = Start::new(&self.ports, caller, Action::MigrateBranch, "migrate_requested");
        start.detail = command.dry_run.then(|| "dry run".to_owned());
        let input = OperationInput {
            files: command.files,
            whole: command.whole,
            dry_run: command.dry_run,
            allow_out_of_order: command.allow_out_of_order,
            error_before: branch.state.error().map(str::to_owned),
            ..OperationInput::default()
        };
        if command.dry_run {
            // It is tried on a copy: the branch stays as it is, and whatever else is done to it may go on.
            branch.check_serves()?;
            check_room(&mut *work, caller, &branch).await?;
            let operation = start.operation(OperationKind::MigrateBranch, &branch, input);
            return start.commit(work, branch, false, operation).await;
        }
        let branch = branch.migrate(start.id, start.now)?;
        let operation = start.operation(OperationKind::MigrateBranch, &branch, input).without(&[StepName::CopyForTrial, StepName::DropTrial]);
        start.commit(work, branch, true, operation).await
    }
}

#[cfg(test)]
mod tests {
    use super::MigrateBranchUseCase;
    use crate::testing::{FakeWork, branch, branch_ports, caller, main_branch, work_with};
    use domain::{Scope, StepName, branch::Status, operation::NamedText};
    use ports::driving::{MigrateBranch, UseCase};

    fn command(files: &[(&str, &str)], dry_run: bool) -> MigrateBranch {
        let files = files.iter().map(|(name, text)| NamedText { name: (*name).to_owned(), text: (*text).to_owned() }).collect();
        MigrateBranch { branch: "pr-1".to_owned(), files, whole: false, dry_run, allow_out_of_order: false }
    }

    fn accepting(updates: usize) -> FakeWork {
        let mut work = work_with(Some(branch("pr-1", Some(1))));
        work.branches.expect_update().times(updates).returning(|_| Ok(()));
        work.operations.expect_insert().once().returning(|_| Ok(()));
        work.activity.expect_record().once().returning(|_| Ok(()));
        work.audit.expect_record().once().returning(|_| Ok(()));
        work
    }

    #[tokio::test]
    async fn a_branch_is_migrated_in_place_and_tried_on_a_copy() {
        let files = [("1_a.sql", "select 1")];
        let alice = caller(Some(1), [Scope::WriteBranches]);
        let started = MigrateBranchUseCase::new(branch_ports(accepting(1))).run(&alice, command(&files, false)).await.unwrap();
        assert_eq!(started.branch.state.status(), Status::Migrating);
        assert_eq!(started.operation.steps.iter().map(|step| step.name).collect::<Vec<_>>(), [StepName::Migrate]);
        let mut work = accepting(0);
        work.operations.expect_unfinished().once().returning(|| Ok(Vec::new()));
        let tried = MigrateBranchUseCase::new(branch_ports(work)).run(&alice, command(&files, true)).await.unwrap();
        assert_eq!(tried.branch.state.status(), Status::Ready);
        assert_eq!(tried.operation.steps.len(), 3);
    }

    #[tokio::test]
    async fn files_that_are_none_are_refused_before_anything_is_looked_up() {
        let use_case = MigrateBranchUseCase::new(branch_ports(FakeWork::default()));
        let refused = use_case.run(&caller(Some(1), [Scope::WriteBranches]), command(&[("a.sql", "select 1")], false)).await.unwrap_err();
        assert!(refused.to_string().contains("/files/0"), "{refused}");
    }

    #[tokio::test]
    async fn main_is_migrated_by_administrators_only() {
        let files = [("1_a.sql", "select 1")];
        let use_case = MigrateBranchUseCase::new(branch_ports(work_with(Some(main_branch()))));
        let refused = use_case.run(&caller(Some(1), [Scope::WriteBranches]), command(&files, false)).await.unwrap_err();
        assert_eq!(refused.code(), "branch_access_denied");
    }
}
