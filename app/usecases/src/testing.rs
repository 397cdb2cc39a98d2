//! What the unit tests of use cases share: a unit of work over mocked repositories, branches, callers.

use crate::{acquaintances::Acquaintances, branches::BranchPorts, routing::DatabaseNames};
use async_trait::async_trait;
use domain::{
    Branch, BranchId, BranchName, BranchState, BranchType, Caller, DataCloneMode, Generation, Principal, Scope, Slug, UserId,
    access::{Door, PrincipalKind, Restrictions, Role},
    branch::DatabaseName,
    migration::{Checksum, LedgerEntry, LedgerState, MigrationVersion},
    schema::{Fingerprint, ObjectMap, SchemaSnapshot},
};
use ports::driven::{
    ActivityRepository, AuditRepository, BranchRepository, BuildError, ControlPlane, DatabasePlace, KeyRepository, MigrationHistoryRepository,
    MockActivityRepository, MockAuditRepository, MockBranchLogins, MockBranchProbe, MockBranchRepository, MockBranchUsers, MockClock,
    MockControlPlane, MockIds, MockKeyRepository, MockMigrationFiles, MockMigrationHistoryRepository, MockMigrationRunner, MockOperationRepository,
    MockSchemaReader, MockSeedRunner, MockSessionRepository, MockUserRepository, OperationRepository, Readings, SchemaReader, SessionRepository,
    StoreError, UnitOfWork, UserRepository,
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// What the id port gives in these tests.
pub(crate) const BRANCH: Uuid = Uuid::from_u128(0xb0a7);

/// A unit of work over mocked repositories.
#[derive(Default)]
pub(crate) struct FakeWork {
    pub(crate) branches: MockBranchRepository,
    pub(crate) operations: MockOperationRepository,
    pub(crate) keys: MockKeyRepository,
    pub(crate) users: MockUserRepository,
    pub(crate) sessions: MockSessionRepository,
    pub(crate) activity: MockActivityRepository,
    pub(crate) migrations: MockMigrationHistoryRepository,
    pub(crate) audit: MockAuditRepository,
    committed: Arc<AtomicBool>,
    only_tells: Arc<AtomicBool>,
}

impl FakeWork {
    /// Set once the unit of work was committed.
    pub(crate) fn committed(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.committed)
    }

    /// Set once somebody said that it only tells.
    pub(crate) fn tells_only(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.only_tells)
    }

    /// A control plane that hands out this unit of work, once.
    pub(crate) fn control_plane(self) -> Arc<dyn ControlPlane> {
        let mut control_plane = MockControlPlane::new();
        let once = Mutex::new(Some(self));
        control_plane.expect_begin().returning(move || Ok(Box::new(once.lock().unwrap().take().expect("one unit of work"))));
        Arc::new(control_plane)
    }
}

#[async_trait]
impl UnitOfWork for FakeWork {
    fn branches(&mut self) -> &mut dyn BranchRepository {
        &mut self.branches
    }
    fn operations(&mut self) -> &mut dyn OperationRepository {
        &mut self.operations
    }
    fn keys(&mut self) -> &mut dyn KeyRepository {
        &mut self.keys
    }
    fn users(&mut self) -> &mut dyn UserRepository {
        &mut self.users
    }
    fn sessions(&mut self) -> &mut dyn SessionRepository {
        &mut self.sessions
    }
    fn activity(&mut self) -> &mut dyn ActivityRepository {
        &mut self.activity
    }
    fn migrations(&mut self) -> &mut dyn MigrationHistoryRepository {
        &mut self.migrations
    }
    fn audit(&mut self) -> &mut dyn AuditRepository {
        &mut self.audit
    }
    fn only_tells(&mut self) {
        self.only_tells.store(true, Ordering::SeqCst);
    }
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.committed.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Ports over this unit of work. What a test reaches besides, it puts there itself.
pub(crate) fn branch_ports(work: FakeWork) -> BranchPorts {
    let (mut ids, mut clock, mut migrations) = (MockIds::new(), MockClock::new(), MockMigrationRunner::new());
    ids.expect_fresh().return_const(BRANCH);
    clock.expect_now().return_const(OffsetDateTime::UNIX_EPOCH);
    migrations.expect_checksum().returning(|_| Checksum([0; 32]));
    BranchPorts {
        control_plane: work.control_plane(),
        ids: Arc::new(ids),
        clock: Arc::new(clock),
        names: names(),
        probe: Arc::new(MockBranchProbe::new()),
        logins: Arc::new(MockBranchLogins::new()),
        acquaintances: acquaintances(),
        migrations: Arc::new(migrations),
        migration_files: Arc::new(MockMigrationFiles::new()),
        seeds: Arc::new(MockSeedRunner::new()),
        schemas: Arc::new(MockSchemaReader::new()),
    }
}

/// A ledger's row of a file that was applied.
pub(crate) fn applied(version: i64, fingerprint: Option<&str>) -> LedgerEntry {
    LedgerEntry {
        version: MigrationVersion::new(version),
        name: format!("{version}_x.sql"),
        checksum: Checksum([0; 32]),
        statements: 1,
        state: LedgerState::Applied,
        duration: Duration::ZERO,
        who: "fluxbase".to_owned(),
        fingerprint: fingerprint.map(str::to_owned),
        applied_at: OffsetDateTime::UNIX_EPOCH,
    }
}

/// Schemas whose fingerprints (`after`) take until somebody lets them on.
pub(crate) struct SlowSchemas {
    pub(crate) begun: AtomicUsize,
    pub(crate) let_on: Semaphore,
}

impl Default for SlowSchemas {
    fn default() -> Self {
        Self { begun: AtomicUsize::new(0), let_on: Semaphore::new(0) }
    }
}

#[async_trait]
impl SchemaReader for SlowSchemas {
    async fn fingerprint(&self, _of: &DatabasePlace) -> Result<Fingerprint, BuildError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let _let_on_for_everybody = self.let_on.acquire().await.expect("it is never closed");
        Ok(Fingerprint::from_text("after".to_owned()))
    }
    async fn read(&self, _of: &DatabasePlace) -> Result<Arc<SchemaSnapshot>, BuildError> {
        panic!("nobody reads a whole schema here")
    }
    fn unified_text(&self, _target: &ObjectMap, _source: &ObjectMap) -> String {
        panic!("nobody reads a whole schema here")
    }
    async fn both(&self, _target: &DatabasePlace, _source: &DatabasePlace) -> Result<Readings, BuildError> {
        panic!("nobody reads a whole schema here")
    }
}

/// Everybody is let in, and nothing comes of it.
pub(crate) fn acquaintances() -> Arc<Acquaintances> {
    let mut users = MockBranchUsers::new();
    users.expect_introduce().returning(|_, _| Ok(()));
    Arc::new(Acquaintances::new(Arc::new(users), names()))
}

pub(crate) fn names() -> DatabaseNames {
    DatabaseNames { main: DatabaseName::existing("main"), prefix: "b_".to_owned() }
}

/// A unit of work whose branches find this one, whatever is looked for.
pub(crate) fn work_with(found: Option<Branch>) -> FakeWork {
    let mut work = FakeWork::default();
    let (by_id, free) = (found.clone(), found.clone());
    work.branches.expect_find_free().returning(move |_| Ok(free.clone()));
    work.branches.expect_lock_admission().returning(|_| Ok(()));
    work.branches.expect_find().returning(move |_, _| Ok(by_id.clone()));
    work.branches.expect_find_by_slug().returning(move |_| Ok(found.clone()));
    work
}

pub(crate) fn main_branch() -> Branch {
    Branch { name: BranchName::main(), slug: Slug::main(), branch_type: BranchType::Main, parent_id: None, ..branch("unused", None) }
}

pub(crate) fn branch(name: &str, created_by: Option<u128>) -> Branch {
    let name: BranchName = name.parse().unwrap();
    Branch {
        id: BranchId::from_uuid(Uuid::nil()),
        slug: name.slug(),
        name,
        branch_type: BranchType::Preview,
        clone_mode: DataCloneMode::SchemaOnly,
        parent_id: Some(BranchId::from_uuid(Uuid::nil())),
        created_by: created_by.map(|id| UserId::from_uuid(Uuid::from_u128(id))),
        created_at: OffsetDateTime::UNIX_EPOCH,
        updated_at: OffsetDateTime::UNIX_EPOCH,
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

pub(crate) fn caller(user: Option<u128>, scopes: impl IntoIterator<Item = Scope>) -> Caller {
    let principal = Principal {
        kind: PrincipalKind::ApiKey(domain::access::KeyId::from_uuid(Uuid::nil())),
        role: Role::Authenticated,
        user_id: user.map(|id| UserId::from_uuid(Uuid::from_u128(id))),
        scopes: scopes.into_iter().collect(),
        ..Principal::internal()
    };
    Caller { principal: Arc::new(principal), request_id: "test".into(), door: Door::Rest, peer: None }
}

/// Alice, by a key that is held to something.
pub(crate) fn held(restrictions: Restrictions, scope: Scope) -> Caller {
    let caller = caller(Some(1), [scope]);
    Caller { principal: Arc::new(Principal { restrictions, ..(*caller.principal).clone() }), ..caller }
}

/// Alice, by a key that is pinned to a branch.
pub(crate) fn pinned_to(slug: &str, scope: Scope) -> Caller {
    held(Restrictions { branch: Some(slug.parse().unwrap()), ..Restrictions::default() }, scope)
}
