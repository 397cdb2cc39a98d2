//! Make a branch.

use super::{
    lookup::{ROW_PATIENCE, find_visible},
    ports::BranchPorts,
    rows::{check_max_age, may_copy_rows},
    seeds::check_seeds,
    start::Start,
};
use async_trait::async_trait;
use domain::{
    Action, Branch, BranchId, BranchType, Caller, DataCloneMode, Failure, Fault, Operation, OperationKind, Principal, Slug, StepName,
    branch::{BranchRequest, ExpiresIn, MaxAge, Quota, Status},
    operation::OperationInput,
};
use ports::{
    driven::StoreError,
    driving::{CreateBranch, StartedOperation, UseCase},
};

/// What holds where a request says nothing, and the limits.
#[derive(Clone, Copy, Debug)]
pub struct BranchDefaults {
    /// `branching.default_data_clone_mode`.
    pub clone_mode: DataCloneMode,
    /// `branching.auto_delete_after`, for previews; `None` is never.
    pub auto_delete_after: Option<ExpiresIn>,
    /// The limits.
    pub quota: Quota,
}

/// See [`CreateBranch`].
pub struct CreateBranchUseCase {
    ports: BranchPorts,
    defaults: BranchDefaults,
}

impl CreateBranchUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts, defaults: BranchDefaults) -> Self {
        Self { ports, defaults }
    }

    /// Why the branch could not be added. One that is being deleted keeps its name until its databases are gone.
    async fn taken(&self, error: StoreError, slug: &Slug) -> Failure {
        if !matches!(error, StoreError::Taken { .. }) {
            return error.into();
        }
        let found = async { self.ports.control_plane.begin().await?.branches().find_by_slug(slug).await }.await;
        let goes = found.is_ok_and(|found| found.is_some_and(|branch| branch.state.status() == Status::Deleting));
        let reason = if goes {
            format!("a branch '{slug}' is still being deleted; its name is free again when that is done: try again then, or choose another name")
        } else {
            format!("a branch '{slug}' is there already; choose another name, or delete it first")
        };
        Failure::Conflict { code: "taken", reason }
    }

    fn request(&self, command: CreateBranch, clone_mode: DataCloneMode, parent: &Branch, maker: &Principal) -> BranchRequest {
        let branch_type = command.branch_type.unwrap_or_default();
        let by_default = if branch_type == BranchType::Preview { self.defaults.auto_delete_after } else { None };
        BranchRequest {
            id: BranchId::from_uuid(self.ports.ids.fresh()),
            name: command.name,
            parent_id: parent.id,
            branch_type,
            clone_mode,
            created_by: maker.user_id,
            expires_in: command.expires_in.unwrap_or(by_default),
            pull_request: command.pull_request,
        }
    }
}

#[async_trait]
impl UseCase<CreateBranch> for CreateBranchUseCase {
    async fn run(&self, caller: &Caller, command: CreateBranch) -> Result<StartedOperation, Failure> {
        caller.principal.may_make_branches()?;
        let clone_mode = clone_mode(&command, self.defaults.clone_mode)?;
        check_max_age(command.max_age, clone_mode)?;
        check_seeds(&*self.ports.seeds, command.seeds.as_ref(), clone_mode).await?;
        let mut work = self.ports.control_plane.begin().await?;
        // Quotas are counted under the lock that the insert holds, so that of two requests for the last place one is refused.
        work.branches().lock_admission(ROW_PATIENCE).await?;
        let parent = find_visible(&mut *work, caller, command.parent.as_deref().unwrap_or(Slug::MAIN)).await?;
        may_copy_rows(work.users(), &caller.principal, &parent, clone_mode).await?;
        if parent.state.serving().is_none() {
            return Err(parent_not_ready(&parent));
        }
        let total = work.branches().count_live(None).await?;
        let of_maker = match caller.principal.user_id {
            Some(user) => Some(work.branches().count_live(Some(user)).await?),
            None => None,
        };
        self.defaults.quota.admit(total, of_maker)?;

        let slug = command.name.slug();
        let generation = work.branches().next_generation(&slug).await?;
        let mut start = Start::new(&self.ports, caller, Action::CreateBranch, "create_requested");
        // By its id, as answers do: who reads the history need not see the parent.
        start.detail = Some(format!("{clone_mode} of {}", parent.id));
        let input = OperationInput { max_age: command.max_age.map(MaxAge::seconds), seeds: command.seeds.clone(), ..OperationInput::default() };
        let branch = Branch::request(self.request(command, clone_mode, &parent, &caller.principal), slug, generation, start.id, start.now);
        let operation = without_idle_steps(start.operation(OperationKind::CreateBranch, &branch, input), clone_mode);
        if let Err(error) = work.branches().insert(&branch).await {
            drop(work);
            return Err(self.taken(error, &branch.slug).await);
        }
        start.commit(work, branch, false, operation).await
    }
}

/// The refusal to copy from what serves no data.
pub(super) fn parent_not_ready(parent: &Branch) -> Failure {
    Failure::Conflict { code: "parent_not_ready", reason: format!("a branch is cut from one that serves data, and {}", parent.nothing_serves()) }
}

/// Only some branches are seeded.
pub(super) fn without_idle_steps(operation: Operation, mode: DataCloneMode) -> Operation {
    if mode == DataCloneMode::SeedData { operation } else { operation.without(&[StepName::Seed]) }
}

fn clone_mode(command: &CreateBranch, default: DataCloneMode) -> Result<DataCloneMode, Failure> {
    if command.branch_type == Some(BranchType::Main) {
        return Err(Fault::new("/type", "main is there already; expected preview or persistent").into());
    }
    Ok(command.clone_mode.unwrap_or(default))
}

#[cfg(test)]
mod tests {
    use super::{BranchDefaults, CreateBranchUseCase, may_copy_rows};
    use crate::testing::{FakeWork, branch, branch_ports, caller, main_branch, work_with};
    use domain::{
        BranchType, Caller, DataCloneMode, Failure, Generation, OperationId, Principal, Scope,
        access::{KeyId, PrincipalKind},
        branch::{ExpiresIn, Quota},
        migration::Seed,
    };
    use ports::{
        driven::{MockControlPlane, MockSeedRunner, MockUserRepository, SeedFile, StoreError},
        driving::{CreateBranch, UseCase},
    };
    use std::sync::{Arc, Mutex, atomic::Ordering};
    use time::{Duration, OffsetDateTime};

    fn command() -> CreateBranch {
        CreateBranch {
            name: "Feature/X".parse().unwrap(),
            parent: None,
            branch_type: None,
            clone_mode: None,
            expires_in: None,
            seeds: None,
            max_age: None,
            pull_request: None,
        }
    }

    fn over(work: FakeWork) -> CreateBranchUseCase {
        let defaults = BranchDefaults {
            clone_mode: DataCloneMode::SchemaOnly,
            auto_delete_after: ExpiresIn::from_seconds(3600),
            quota: Quota { max_branches_per_user: 2, max_total_branches: 3 },
        };
        CreateBranchUseCase::new(branch_ports(work), defaults)
    }

    #[tokio::test]
    async fn a_branch_begins_as_a_row_an_operation_and_a_line_of_history_all_at_once() {
        let mut work = work_with(Some(main_branch()));
        work.branches.expect_count_live().returning(|_| Ok(0));
        work.branches.expect_next_generation().returning(|_| Ok(Generation::new(4).unwrap()));
        work.branches.expect_insert().once().returning(|_| Ok(()));
        work.operations.expect_insert().once().returning(|_| Ok(()));
        work.activity.expect_record().once().returning(|_| Ok(()));
        work.audit.expect_record().once().returning(|_| Ok(()));
        let committed = work.committed();

        let made = over(work).run(&caller(Some(1), [Scope::WriteBranches]), command()).await.unwrap();

        assert!(committed.load(Ordering::SeqCst));
        assert_eq!(made.branch.slug.as_str(), "feature-x");
        assert_eq!(made.branch.state.operation(), Some(made.operation.id));
        assert_eq!(made.branch.expires_at, Some(OffsetDateTime::UNIX_EPOCH + Duration::HOUR));
    }

    #[tokio::test]
    async fn a_preview_lives_as_long_as_is_said_and_by_default_where_nothing_is() {
        let after = |hours| Some(OffsetDateTime::UNIX_EPOCH + Duration::hours(hours));
        let (default, two_hours) = (None, Some(Some("2h".parse().unwrap())));
        for (branch_type, expires_in, expires_at) in [
            (BranchType::Preview, default, after(1)),
            (BranchType::Preview, two_hours, after(2)),
            (BranchType::Preview, Some(None), None),
            (BranchType::Persistent, default, None),
            (BranchType::Persistent, two_hours, after(2)),
            (BranchType::Persistent, Some(None), None),
        ] {
            let mut work = work_with(Some(main_branch()));
            work.branches.expect_count_live().returning(|_| Ok(0));
            work.branches.expect_next_generation().returning(|_| Ok(Generation::FIRST));
            work.branches.expect_insert().once().withf(move |branch| branch.expires_at == expires_at).returning(|_| Ok(()));
            work.operations.expect_insert().returning(|_| Ok(()));
            work.activity.expect_record().returning(|_| Ok(()));
            work.audit.expect_record().returning(|_| Ok(()));
            let wanted = CreateBranch { branch_type: Some(branch_type), expires_in, ..command() };
            over(work).run(&caller(Some(1), [Scope::WriteBranches]), wanted).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_nobody_asked_for_is_what_is_made_by_default() {
        for (default, asked, made) in DataCloneMode::ALL.into_iter().flat_map(|default| {
            let said = DataCloneMode::ALL.into_iter().map(move |asked| (default, Some(asked), asked));
            said.chain([(default, None, default)])
        }) {
            let mut work = work_with(Some(main_branch()));
            work.users.expect_is_member().returning(|_| Ok(true));
            work.branches.expect_count_live().returning(|_| Ok(0));
            work.branches.expect_next_generation().returning(|_| Ok(Generation::FIRST));
            work.branches.expect_insert().once().withf(move |branch| branch.clone_mode == made).returning(|_| Ok(()));
            work.operations.expect_insert().returning(|_| Ok(()));
            work.activity.expect_record().returning(|_| Ok(()));
            work.audit.expect_record().returning(|_| Ok(()));
            let mut use_case = over(work);
            use_case.defaults.clone_mode = default;
            let mut seeds = MockSeedRunner::new();
            let file = || SeedFile { seed: Seed::named("1_a.sql").unwrap(), path: "1_a.sql".into() };
            seeds.expect_find().returning(move |_| Ok(vec![file()]));
            use_case.ports.seeds = Arc::new(seeds);
            let wanted = CreateBranch { clone_mode: asked, ..command() };
            use_case.run(&caller(Some(1), [Scope::WriteBranches]), wanted).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_taken_name_is_a_conflict_and_nothing_is_kept() {
        let there = || branch("feature-x", Some(2));
        let going = there().delete(OperationId::from_uuid(uuid::Uuid::nil()), OffsetDateTime::UNIX_EPOCH).unwrap();
        for (found, said) in [(there(), "there already"), (going, "still being deleted")] {
            let mut work = work_with(Some(main_branch()));
            work.branches.expect_count_live().returning(|_| Ok(0));
            work.branches.expect_next_generation().returning(|_| Ok(Generation::FIRST));
            work.branches.expect_insert().return_once(|_| Err(StoreError::Taken { what: "branch slug" }));
            let committed = work.committed();
            let works = Mutex::new(vec![work_with(Some(found)), work]);
            let mut control_plane = MockControlPlane::new();
            control_plane.expect_begin().returning(move || Ok(Box::new(works.lock().unwrap().pop().unwrap())));
            let mut use_case = over(FakeWork::default());
            use_case.ports.control_plane = Arc::new(control_plane);

            let failure = use_case.run(&caller(Some(1), [Scope::WriteBranches]), command()).await.unwrap_err();

            assert!(matches!(failure, Failure::Conflict { code: "taken", .. }) && failure.to_string().contains(said), "{failure:?}");
            assert!(!committed.load(Ordering::SeqCst));
        }
    }

    #[tokio::test]
    async fn a_full_quota_refuses() {
        let mut work = work_with(Some(main_branch()));
        work.branches.expect_count_live().returning(|_| Ok(2));
        let failure = over(work).run(&caller(Some(1), [Scope::WriteBranches]), command()).await.unwrap_err();
        assert_eq!(failure.code(), "quota_exceeded");
    }

    #[tokio::test]
    async fn who_signed_up_copies_no_rows_unless_an_administrators_key_does_it() {
        let full = || CreateBranch { clone_mode: Some(DataCloneMode::FullClone), ..command() };
        let newcomer = |work: &mut FakeWork| {
            work.users.expect_is_member().returning(|_| Ok(false));
        };
        let mut work = work_with(Some(main_branch()));
        newcomer(&mut work);
        let refused = over(work).run(&caller(Some(1), [Scope::WriteBranches]), full()).await.unwrap_err();
        assert_eq!(refused.code(), "full_clone_needs_member");
        for (scopes, command) in [([Scope::WriteBranches], command()), ([Scope::AdminBranches], full())] {
            let mut work = work_with(Some(main_branch()));
            newcomer(&mut work);
            // As far as the quota, which is looked at later.
            work.branches.expect_count_live().returning(|_| Ok(9));
            assert_eq!(over(work).run(&caller(Some(1), scopes), command).await.unwrap_err().code(), "quota_exceeded");
        }
    }

    #[tokio::test]
    async fn a_token_of_nobody_makes_no_branch_and_copies_no_rows() {
        let of = |kind, scope| {
            let caller = caller(None, [scope]);
            Caller { principal: Arc::new(Principal { kind, ..(*caller.principal).clone() }), ..caller }
        };
        let service_key = PrincipalKind::ServiceKey(KeyId::from_uuid(uuid::Uuid::nil()));
        for (kind, scope, mode, code) in [
            (PrincipalKind::Token, Scope::WriteBranches, DataCloneMode::SchemaOnly, "no_user"),
            (PrincipalKind::Token, Scope::WriteBranches, DataCloneMode::FullClone, "no_user"),
            // As far as the quota, which is looked at later.
            (PrincipalKind::Token, Scope::AdminBranches, DataCloneMode::FullClone, "quota_exceeded"),
            (service_key, Scope::WriteBranches, DataCloneMode::SchemaOnly, "no_user"),
            (service_key, Scope::AdminBranches, DataCloneMode::FullClone, "quota_exceeded"),
        ] {
            let mut work = work_with(Some(main_branch()));
            work.branches.expect_count_live().returning(|_| Ok(9));
            let wanted = CreateBranch { clone_mode: Some(mode), ..command() };
            assert_eq!(over(work).run(&of(kind, scope), wanted).await.unwrap_err().code(), code, "{kind:?} {scope:?} {mode}");
        }
        // A reset asks for the rows alone.
        let mut users = MockUserRepository::new();
        let token = of(PrincipalKind::Token, Scope::WriteBranches).principal;
        let refused = may_copy_rows(&mut users, &token, &main_branch(), DataCloneMode::FullClone).await.unwrap_err();
        assert_eq!(refused.code(), "no_user");
    }

    #[tokio::test]
    async fn an_age_of_rows_is_refused_where_no_rows_are_copied() {
        for (mode, age, code) in [
            (None, "1h", "invalid"),
            (Some(DataCloneMode::SchemaOnly), "1h", "invalid"),
            (Some(DataCloneMode::SeedData), "1h", "invalid"),
            // None that is kept, which holds anyway; then as far as the quota, which is looked at later.
            (Some(DataCloneMode::SchemaOnly), "0", "quota_exceeded"),
            (Some(DataCloneMode::FullClone), "1h", "quota_exceeded"),
        ] {
            let mut work = work_with(Some(main_branch()));
            work.users.expect_is_member().returning(|_| Ok(true));
            work.branches.expect_count_live().returning(|_| Ok(9));
            let wanted = CreateBranch { clone_mode: mode, max_age: Some(age.parse().unwrap()), ..command() };
            let refused = over(work).run(&caller(Some(1), [Scope::WriteBranches]), wanted).await.unwrap_err();
            assert_eq!((refused.code(), refused.to_string().contains("/max_age")), (code, code == "invalid"), "{mode:?} {age}: {refused}");
        }
    }

    #[tokio::test]
    async fn without_a_seed_file_nothing_is_begun() {
        let mut use_case = over(work_with(None));
        let mut runner = MockSeedRunner::new();
        runner.expect_find().returning(|_| Ok(Vec::new()));
        use_case.ports.seeds = Arc::new(runner);
        let sown = CreateBranch { clone_mode: Some(DataCloneMode::SeedData), ..command() };
        let refused = use_case.run(&caller(Some(1), [Scope::WriteBranches]), sown).await.unwrap_err();
        assert!(refused.code() == "no_seeds" && refused.to_string().contains("branching.seeds_dir"), "{refused}");
    }

    #[tokio::test]
    async fn a_key_without_a_user_and_a_main_branch_and_seeds_out_of_place_are_refused() {
        let nobody = over(work_with(None)).run(&caller(None, [Scope::WriteBranches]), command()).await.unwrap_err();
        assert_eq!(nobody.code(), "no_user");
        let main = CreateBranch { branch_type: Some(BranchType::Main), ..command() };
        assert_eq!(over(work_with(None)).run(&caller(Some(1), [Scope::WriteBranches]), main).await.unwrap_err().code(), "invalid");
        let seeds = CreateBranch { seeds: Some(vec!["1.sql".to_owned()]), ..command() };
        let refused = over(work_with(None)).run(&caller(Some(1), [Scope::WriteBranches]), seeds.clone()).await.unwrap_err();
        assert!(refused.to_string().contains("/seeds"), "{refused}");

        let mut use_case = over(work_with(None));
        let mut runner = MockSeedRunner::new();
        runner.expect_find().returning(|_| Err(ports::driven::MigrationError::Refused { code: "seed_unknown", message: "no such file".to_owned() }));
        use_case.ports.seeds = Arc::new(runner);
        let unknown = CreateBranch { clone_mode: Some(DataCloneMode::SeedData), ..seeds };
        assert_eq!(use_case.run(&caller(Some(1), [Scope::WriteBranches]), unknown).await.unwrap_err().code(), "invalid");
    }

    #[tokio::test]
    async fn who_may_only_read_a_branch_under_its_policies_gets_no_clone_of_all_its_rows() {
        use domain::{UserId, branch::AccessLevel, branch::Grant};
        let shared = || {
            let grant = Grant {
                user_id: UserId::from_uuid(uuid::Uuid::from_u128(2)),
                level: AccessLevel::Read,
                granted_by: String::new(),
                granted_at: OffsetDateTime::UNIX_EPOCH,
            };
            domain::Branch { grants: vec![grant], ..branch("pr-1", Some(1)) }
        };
        for (mode, code) in [(DataCloneMode::FullClone, "branch_access_denied"), (DataCloneMode::SchemaOnly, "quota_exceeded")] {
            let mut work = work_with(Some(shared()));
            work.branches.expect_count_live().returning(|_| Ok(9));
            let wanted = CreateBranch { parent: Some("pr-1".to_owned()), clone_mode: Some(mode), ..command() };
            assert_eq!(over(work).run(&caller(Some(2), [Scope::WriteBranches]), wanted).await.unwrap_err().code(), code);
        }
    }
}
