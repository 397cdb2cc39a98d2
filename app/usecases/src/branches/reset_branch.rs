//! Bring a branch back to its parent's present state.

use super::{
    create_branch::{parent_not_ready, without_idle_steps},
    lookup::find_locked,
    ports::BranchPorts,
    rows::{check_max_age, may_copy_rows},
    seeds::{check_mode, chosen_seeds},
    start::Start,
};
use async_trait::async_trait;
use domain::{
    Action, Branch, Caller, DataCloneMode, Failure, OperationKind,
    branch::{AccessLevel, MaxAge},
    operation::OperationInput,
};
use ports::{
    driven::UnitOfWork,
    driving::{ResetBranch, StartedOperation, UseCase},
};

/// See [`ResetBranch`].
pub struct ResetBranchUseCase {
    ports: BranchPorts,
}

impl ResetBranchUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }
}

#[async_trait]
impl UseCase<ResetBranch> for ResetBranchUseCase {
    async fn run(&self, caller: &Caller, command: ResetBranch) -> Result<StartedOperation, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let branch = find_locked(&mut *work, caller, &command.branch, AccessLevel::Admin).await?;
        let next = work.branches().next_generation(&branch.slug).await?;
        let start = Start::new(&self.ports, caller, Action::ResetBranch, "reset_requested");
        let (mode, error_before) = (branch.clone_mode, branch.state.error().map(str::to_owned));
        let branch = branch.reset(start.id, next, start.now)?;
        check_max_age(command.max_age, mode)?;
        check_mode(command.seeds.as_ref(), mode)?;
        let mut seeds = None;
        if mode == DataCloneMode::SeedData {
            let chosen = chosen_seeds(work.operations(), branch.id, command.seeds).await?;
            chosen.check(&*self.ports.seeds).await?;
            seeds = chosen.seeds;
        }
        // What the branch gets is its parent's of now: whoever asks must be let see that.
        let parent = parent(&mut *work, &branch).await?;
        may_copy_rows(work.users(), &caller.principal, &parent, mode).await?;
        if parent.state.serving().is_none() {
            return Err(parent_not_ready(&parent));
        }
        let input = OperationInput { max_age: command.max_age.map(MaxAge::seconds), seeds, error_before, ..OperationInput::default() };
        let operation = without_idle_steps(start.operation(OperationKind::ResetBranch, &branch, input), mode);
        start.commit(work, branch, true, operation).await
    }
}

async fn parent(work: &mut dyn UnitOfWork, branch: &Branch) -> Result<Branch, Failure> {
    let found = match branch.parent_id {
        Some(id) => work.branches().find(id, false).await?,
        None => None,
    };
    found.ok_or_else(|| Failure::Conflict { code: "parent_not_ready", reason: format!("the parent of branch '{}' is gone", branch.slug) })
}

#[cfg(test)]
mod tests {
    use super::{ResetBranchUseCase, parent_not_ready};
    use crate::testing::{FakeWork, branch, branch_ports, caller, main_branch, pinned_to};
    use domain::{Branch, BranchId, BranchState, DataCloneMode, Generation, OperationKind, Scope, StepName, branch::Status};
    use ports::driving::{ResetBranch, UseCase};
    use std::sync::atomic::Ordering;
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn child_id() -> BranchId {
        BranchId::from_uuid(Uuid::from_u128(5))
    }

    /// A branch under a parent, each found by its own name.
    fn work(child: Branch, parent: Option<Branch>) -> FakeWork {
        let mut work = FakeWork::default();
        let by_slug = child.clone();
        work.branches.expect_find_by_slug().returning(move |_| Ok(Some(by_slug.clone())));
        work.branches.expect_find().returning(move |id, _| Ok(if id == child.id { Some(child.clone()) } else { parent.clone() }));
        work.branches.expect_next_generation().returning(|_| Ok(Generation::new(2).unwrap()));
        work
    }

    fn child() -> Branch {
        Branch { id: child_id(), parent_id: Some(main_branch().id), ..branch("pr-1", Some(1)) }
    }

    fn command() -> ResetBranch {
        ResetBranch { branch: "pr-1".to_owned(), seeds: None, max_age: None }
    }

    fn aged() -> ResetBranch {
        ResetBranch { max_age: Some("1h".parse().unwrap()), ..command() }
    }

    #[tokio::test]
    async fn a_reset_begins_beside_what_serves() {
        let mut work = work(Branch { clone_mode: DataCloneMode::FullClone, ..child() }, Some(main_branch()));
        work.users.expect_is_member().returning(|_| Ok(true));
        work.branches.expect_update().once().returning(|_| Ok(()));
        work.operations.expect_insert().once().returning(|_| Ok(()));
        work.activity.expect_record().once().returning(|_| Ok(()));
        work.audit.expect_record().once().returning(|_| Ok(()));
        let committed = work.committed();
        let started = ResetBranchUseCase::new(branch_ports(work)).run(&caller(Some(1), [Scope::WriteBranches]), aged()).await.unwrap();
        assert!(committed.load(Ordering::SeqCst));
        assert_eq!((started.branch.state.status(), started.branch.state.serving()), (Status::Migrating, Some(Generation::FIRST)));
        assert_eq!((started.operation.kind, started.operation.input.max_age), (OperationKind::ResetBranch, Some(3600)));
        assert!(started.operation.steps.iter().all(|step| step.name != StepName::Seed), "it takes no seeds");
    }

    #[tokio::test]
    async fn an_age_of_rows_is_refused_for_a_branch_that_takes_none() {
        for mode in [DataCloneMode::SchemaOnly, DataCloneMode::SeedData] {
            let work = work(Branch { clone_mode: mode, ..child() }, Some(main_branch()));
            let refused = ResetBranchUseCase::new(branch_ports(work)).run(&caller(Some(1), [Scope::WriteBranches]), aged()).await.unwrap_err();
            assert!(refused.code() == "invalid" && refused.to_string().contains("/max_age"), "{mode}: {refused}");
        }
    }

    #[tokio::test]
    async fn a_pinned_key_resets_its_branch_though_the_parent_is_another() {
        let mut work = work(child(), Some(main_branch()));
        work.branches.expect_update().once().returning(|_| Ok(()));
        work.operations.expect_insert().once().returning(|_| Ok(()));
        work.activity.expect_record().once().returning(|_| Ok(()));
        work.audit.expect_record().once().returning(|_| Ok(()));
        let pinned = pinned_to("pr-1", Scope::WriteBranches);
        assert!(ResetBranchUseCase::new(branch_ports(work)).run(&pinned, command()).await.is_ok());
    }

    #[tokio::test]
    async fn what_stands_in_the_way_is_told() {
        let refused = async |child: Branch, parent: Option<Branch>| {
            let use_case = ResetBranchUseCase::new(branch_ports(work(child, parent)));
            use_case.run(&caller(Some(1), [Scope::WriteBranches]), command()).await.unwrap_err().code().to_owned()
        };
        assert_eq!(refused(Branch { protected: true, ..child() }, Some(main_branch())).await, "branch_protected");
        let busy = child().migrate(domain::OperationId::from_uuid(Uuid::nil()), OffsetDateTime::UNIX_EPOCH).unwrap();
        assert_eq!(refused(busy, Some(main_branch())).await, "operation_running");
        assert_eq!(refused(child(), None).await, "parent_not_ready");
        let failed = Branch { state: BranchState::Error { reason: "the disk is full".to_owned(), generation: None }, ..main_branch() };
        assert_eq!(refused(child(), Some(failed.clone())).await, "parent_not_ready");
        let told = parent_not_ready(&failed).to_string();
        assert_eq!(told, "a branch is cut from one that serves data, and branch 'main' could not be made: the disk is full");
        assert_eq!(refused(Branch { created_by: None, ..child() }, Some(main_branch())).await, "branch_access_denied");
        // The parent was somebody else's all the time, or is no longer shared.
        assert_eq!(refused(child(), Some(branch("hers", Some(9)))).await, "branch_access_denied");
    }

    #[tokio::test]
    async fn main_has_nothing_to_be_reset_to() {
        let main = Branch { id: child_id(), ..main_branch() };
        let use_case = ResetBranchUseCase::new(branch_ports(work(main, None)));
        assert_eq!(use_case.run(&caller(None, [Scope::AdminBranches]), command()).await.unwrap_err().code(), "main_branch");
    }

    #[tokio::test]
    async fn rows_are_brought_to_nobody_who_signed_up() {
        let mut work = work(Branch { clone_mode: DataCloneMode::FullClone, ..child() }, Some(main_branch()));
        work.users.expect_is_member().returning(|_| Ok(false));
        let refused = ResetBranchUseCase::new(branch_ports(work)).run(&caller(Some(1), [Scope::WriteBranches]), command()).await.unwrap_err();
        assert_eq!(refused.code(), "full_clone_needs_member");
    }
}
