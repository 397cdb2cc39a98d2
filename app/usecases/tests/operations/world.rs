//! A house in memory with workers, and what these tests ask of it over and over.

use crate::fakes::{CountingIds, Crash, Ledgers, Logins, NoFiles, NoUsers, NothingOpen, Probe, Schemas, Seeds, TestClock, Trials};
use domain::{
    Branch, BranchName, BranchState, BranchType, Caller, DataCloneMode, Failure, Generation, Operation, OperationId, OperationKind, Principal, Slug,
    access::Door,
    branch::{DatabaseName, Quota},
    operation::NamedText,
};
use fluxbase_usecases::{
    acquaintances::Acquaintances,
    branches::{
        BranchDefaults, BranchPorts, CancelOperationUseCase, CreateBranchUseCase, DeleteBranchUseCase, ExpireBranches, MigrateBranchUseCase,
        ResetBranchUseCase, SeedBranchUseCase, UndoResetUseCase,
    },
    operations::{OperationPorts, OperationRunner, OperationSettings, Upkeep},
    routing::DatabaseNames,
};
use memory::{MemoryBranchBuilder, MemoryControlPlane};
use ports::{
    driven::{ActivityEntry, BuildError, Clock, ControlPlane, DatabaseTag, Ids, Stock, SweepReport},
    driving::{CancelOperation, CreateBranch, DeleteBranch, MigrateBranch, ResetBranch, SeedBranch, UndoReset, UseCase},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinSet, time::Instant};

/// How long requests may go on on what was replaced.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// How long what was replaced is kept.
pub(crate) const KEPT: Duration = Duration::from_mins(10);
/// How long what people wrote may run.
pub(crate) const PEOPLES_TIME: Duration = Duration::from_hours(2);

pub(crate) struct World {
    pub(crate) control_plane: MemoryControlPlane,
    pub(crate) builder: MemoryBranchBuilder,
    pub(crate) logins: Arc<Logins>,
    pub(crate) trials: Arc<Trials>,
    pub(crate) ledgers: Arc<Ledgers>,
    pub(crate) seeds: Arc<Seeds>,
    pub(crate) open: Arc<NothingOpen>,
    pub(crate) crash: Arc<Crash>,
    pub(crate) names: DatabaseNames,
    ports: BranchPorts,
    caller: Caller,
    workers: JoinSet<()>,
}

struct NoStock;

#[async_trait::async_trait]
impl Stock for NoStock {
    async fn tend(&self) -> Result<bool, BuildError> {
        Ok(true)
    }

    async fn sweep(&self, _: Vec<DatabaseTag>, _: &[DatabaseTag], _: &[OperationId]) -> Result<SweepReport, BuildError> {
        Ok(SweepReport::default())
    }

    async fn candidates(&self) -> Result<Vec<DatabaseTag>, BuildError> {
        Ok(Vec::new())
    }
}

impl World {
    /// With main, and a worker at work.
    pub(crate) async fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(TestClock(Instant::now()));
        let ids: Arc<dyn Ids> = Arc::new(CountingIds::default());
        let control_plane = MemoryControlPlane::new(clock.clone());
        let mut work = control_plane.begin().await.unwrap();
        work.branches().insert(&main_branch(&*ids, &*clock)).await.unwrap();
        work.commit().await.unwrap();
        let names = DatabaseNames { main: DatabaseName::existing("main"), prefix: "b_".to_owned() };
        let (logins, ledgers, seeds) = (Arc::<Logins>::default(), Arc::<Ledgers>::default(), Arc::<Seeds>::default());
        let ports = BranchPorts {
            control_plane: Arc::new(control_plane.clone()),
            ids,
            clock,
            names: names.clone(),
            probe: Arc::new(Probe),
            logins: logins.clone(),
            acquaintances: Arc::new(Acquaintances::new(Arc::new(NoUsers), names.clone())),
            migrations: ledgers.clone(),
            migration_files: Arc::new(NoFiles),
            seeds: seeds.clone(),
            schemas: Arc::new(Schemas),
        };
        let caller = Caller { principal: Arc::new(Principal::internal()), request_id: "test".into(), door: Door::Internal, peer: None };
        let mut world = Self {
            control_plane,
            builder: MemoryBranchBuilder::new(),
            logins,
            trials: Arc::default(),
            ledgers,
            seeds,
            open: Arc::default(),
            crash: Arc::default(),
            names,
            ports,
            caller,
            workers: JoinSet::new(),
        };
        world.start();
        world
    }

    /// Starts a worker and upkeep, as another replica after a crash would.
    pub(crate) fn start(&mut self) {
        let operation_ports = OperationPorts {
            control_plane: self.ports.control_plane.clone(),
            builder: Arc::new(self.builder.clone()),
            trials: self.trials.clone(),
            logins: self.logins.clone(),
            open: self.open.clone(),
            probe: Arc::new(Probe),
            migrations: self.ledgers.clone(),
            migration_files: Arc::new(NoFiles),
            seeds: self.seeds.clone(),
            schemas: Arc::new(Schemas),
            prover: Arc::new(Schemas),
            signals: Arc::new(self.control_plane.operation_signals()),
            clock: self.ports.clock.clone(),
            ids: self.ports.ids.clone(),
            failpoints: self.crash.clone(),
        };
        let settings = OperationSettings {
            names: self.names.clone(),
            lease: Duration::from_secs(15),
            attempts: 3,
            reset_undo: KEPT,
            grace: GRACE,
            idle: Duration::from_secs(2),
            peoples_time: Some(PEOPLES_TIME),
        };
        let runner = Arc::new(OperationRunner::new(operation_ports, settings, Arc::new(Notify::new())));
        let standing_by = runner.clone();
        self.workers.spawn(async move { standing_by.stand_by(1).await });
        let expire = ExpireBranches::new(self.ports.control_plane.clone(), self.ports.ids.clone(), self.ports.clock.clone());
        let upkeep = Upkeep::new(runner.clone(), expire, Arc::new(NoStock));
        self.workers.spawn(async move { runner.work().await });
        self.workers.spawn(async move { upkeep.work().await });
    }

    /// Ends whoever works, and starts anew.
    pub(crate) async fn restart(&mut self) {
        self.workers.shutdown().await;
        self.crash.after(0);
        self.start();
    }

    pub(crate) async fn create(&self, name: &str, mode: DataCloneMode, seeds: Option<&str>) -> Result<Operation, Failure> {
        let command = CreateBranch {
            name: name.parse().unwrap(),
            parent: None,
            branch_type: Some(BranchType::Persistent),
            clone_mode: Some(mode),
            expires_in: None,
            seeds: seeds.map(|name| vec![name.to_owned()]),
            max_age: None,
            pull_request: None,
        };
        let defaults = BranchDefaults {
            clone_mode: DataCloneMode::SchemaOnly,
            auto_delete_after: None,
            quota: Quota { max_branches_per_user: 9, max_total_branches: 9 },
        };
        Ok(CreateBranchUseCase::new(self.ports.clone(), defaults).run(&self.caller, command).await?.operation)
    }

    pub(crate) async fn reset(&self, slug: &str) -> Result<Operation, Failure> {
        let command = ResetBranch { branch: slug.to_owned(), seeds: None, max_age: None };
        Ok(ResetBranchUseCase::new(self.ports.clone()).run(&self.caller, command).await?.operation)
    }

    pub(crate) async fn undo(&self, slug: &str) -> Result<Operation, Failure> {
        Ok(UndoResetUseCase::new(self.ports.clone()).run(&self.caller, UndoReset { branch: slug.to_owned() }).await?.operation)
    }

    pub(crate) async fn delete(&self, slug: &str) -> Result<Operation, Failure> {
        let command = DeleteBranch { branch: slug.to_owned(), force: true };
        Ok(DeleteBranchUseCase::new(self.ports.clone()).run(&self.caller, command).await?.operation)
    }

    pub(crate) async fn migrate(&self, slug: &str, files: &[(&str, &str)], dry_run: bool) -> Result<Operation, Failure> {
        let files = files.iter().map(|(name, text)| NamedText { name: (*name).to_owned(), text: (*text).to_owned() }).collect();
        let command = MigrateBranch { branch: slug.to_owned(), files, whole: false, dry_run, allow_out_of_order: false };
        Ok(MigrateBranchUseCase::new(self.ports.clone()).run(&self.caller, command).await?.operation)
    }

    pub(crate) async fn seed(&self, slug: &str, seeds: Option<&str>) -> Result<Operation, Failure> {
        let command = SeedBranch { branch: slug.to_owned(), seeds: seeds.map(|names| names.split(' ').map(str::to_owned).collect()) };
        Ok(SeedBranchUseCase::new(self.ports.clone()).run(&self.caller, command).await?.operation)
    }

    pub(crate) async fn cancel(&self, id: OperationId) -> Result<Operation, Failure> {
        CancelOperationUseCase::new(self.ports.clone()).run(&self.caller, CancelOperation { id }).await
    }

    /// A ready branch.
    pub(crate) async fn ready(&mut self, name: &str) -> Branch {
        self.create(name, DataCloneMode::SchemaOnly, None).await.unwrap();
        self.settled().await;
        let branch = self.branch(name).await.unwrap();
        assert!(matches!(branch.state, BranchState::Ready { .. }), "{branch:?}");
        branch
    }

    /// Somebody asked for the branch's connection while this was its generation.
    pub(crate) fn let_people_into(&self, database: &str) {
        self.logins.0.lock().unwrap().insert(database.to_owned());
    }

    pub(crate) fn are_people_in(&self, database: &str) -> bool {
        self.logins.0.lock().unwrap().contains(database)
    }

    /// Waits until nothing is under way that a branch waits for; starts anew after a crash.
    pub(crate) async fn settled(&mut self) {
        for _ in 0..1000 {
            while let Some(ended) = self.workers.try_join_next() {
                assert!(ended.is_err_and(|error| error.is_panic()), "a worker never ends by itself");
                self.crash.after(0);
                self.restart().await;
            }
            if self.unfinished().await.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("never done: {:?}", self.unfinished().await);
    }

    /// What is under way, except what is to be discarded later.
    pub(crate) async fn unfinished(&self) -> Vec<Operation> {
        let all = self.control_plane.begin().await.unwrap().operations().unfinished().await.unwrap();
        all.into_iter().filter(|operation| operation.kind != OperationKind::DiscardGeneration).collect()
    }

    pub(crate) async fn operation(&self, id: OperationId) -> Operation {
        self.control_plane.begin().await.unwrap().operations().find(id).await.unwrap().unwrap()
    }

    pub(crate) async fn branch(&self, slug: &str) -> Option<Branch> {
        self.control_plane.begin().await.unwrap().branches().find_by_slug(&slug.parse().unwrap()).await.unwrap()
    }

    pub(crate) async fn history(&self, branch: &Branch) -> Vec<ActivityEntry> {
        let page = domain::page::PageRequest { limit: 100, cursor: None };
        let mut lines = self.control_plane.begin().await.unwrap().activity().list(branch.id, &page).await.unwrap().items;
        lines.reverse();
        lines
    }

    /// What became of the branch's migrations, the oldest line first: version and outcome.
    pub(crate) async fn migrations(&self, branch: &Branch) -> Vec<(i64, &'static str)> {
        let page = domain::page::PageRequest { limit: 100, cursor: None };
        let lines = self.control_plane.begin().await.unwrap().migrations().list(branch.id, &page).await.unwrap().items;
        lines.iter().rev().map(|line| (line.version.number(), line.outcome.as_str())).collect()
    }

    /// The databases on the server.
    pub(crate) fn databases(&self) -> BTreeSet<String> {
        self.builder.databases().iter().map(|tag| tag.database.as_str().to_owned()).collect()
    }

    pub(crate) fn is_open(&self, name: &str) -> bool {
        self.builder.is_open(&DatabaseName::existing(name))
    }

    /// What must hold whenever nothing is under way: what serves is open, and every database belongs to a branch or is about to be discarded.
    pub(crate) async fn check(&self) {
        let mut work = self.control_plane.begin().await.unwrap();
        let mut expected = BTreeSet::new();
        for branch in work.branches().live().await.unwrap().into_iter().filter(|branch| !branch.is_main()) {
            assert_eq!(branch.state.operation(), None, "{branch:?} waits for nobody");
            if let Some(route) = self.names.route(&branch) {
                assert!(self.is_open(route.database.as_str()), "{branch:?} is routed to what is closed");
            }
            let tags = branch.generations().into_iter().map(|generation| self.names.tag(&branch, generation).database.as_str().to_owned());
            let (serving, tags): (_, Vec<_>) = (self.names.route(&branch).map(|route| route.database.as_str().to_owned()), tags.collect());
            let let_in: Vec<_> = tags.iter().filter(|name| self.are_people_in(name) && serving.as_ref() != Some(name)).collect();
            assert!(let_in.is_empty(), "people's own tools are let into {let_in:?}, which does not serve {branch:?}");
            expected.extend(tags);
        }
        for discard in work.operations().unfinished().await.unwrap() {
            let branch = work.branches().find(discard.branch_id, false).await.unwrap().unwrap();
            let name = self.names.tag(&branch, discard.input.generation.unwrap()).database;
            if self.databases().contains(name.as_str()) {
                expected.insert(name.as_str().to_owned());
            }
        }
        assert_eq!(self.databases(), expected);
        assert!(self.trials.0.lock().unwrap().is_empty(), "copies are left");
    }
}

fn main_branch(ids: &dyn Ids, clock: &dyn Clock) -> Branch {
    Branch {
        id: domain::BranchId::from_uuid(ids.fresh()),
        name: BranchName::main(),
        slug: Slug::main(),
        branch_type: BranchType::Main,
        clone_mode: DataCloneMode::FullClone,
        parent_id: None,
        created_by: None,
        created_at: clock.now(),
        updated_at: clock.now(),
        expires_at: None,
        withheld: Vec::new(),
        data_as_of: None,
        protected: false,
        pull_request: None,
        grants: Vec::new(),
        previous: None,
        state: BranchState::Ready { generation: Generation::FIRST },
    }
}
