//! Units of work over a state in memory.

use crate::{MemoryAuditLog, MemoryBranchDirectory, MemoryKeyDirectory, MemoryOperationSignals, MemorySessionDirectory, audit::trail, state::State};
use async_trait::async_trait;
use domain::{
    OperationId,
    audit::AuditEntry,
    page::{Page, PageRequest},
};
use ports::driven::{
    ActivityRepository, AuditFilter, AuditRecord, AuditRepository, BranchRepository, Clock, ControlPlane, KeyRepository, MigrationHistoryRepository,
    OperationRepository, SessionRepository, StoreError, UnitOfWork, UserRepository,
};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, PoisonError, RwLock},
};
use time::OffsetDateTime;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The metadata database, in memory.
///
/// Units of work read what is committed until they write. Those that write take turns from their first write to their end: a database would let them
/// go on side by side where they touch different rows, but what they see of each other is the same.
#[derive(Clone)]
pub struct MemoryControlPlane(Arc<Shared>);

struct Shared {
    committed: Committed,
    writer: Arc<Mutex<()>>,
    turns: Turns,
    unreadable: Unreadable,
    clock: Arc<dyn Clock>,
    signals: MemoryOperationSignals,
    audit_log: MemoryAuditLog,
}

/// Who has the turn at which recurring work.
type Turns = std::sync::Mutex<HashMap<String, Arc<Mutex<()>>>>;

/// Operations as another version wrote them.
type Unreadable = std::sync::Mutex<HashSet<OperationId>>;

/// The state that everybody sees.
#[derive(Clone, Debug, Default)]
pub(crate) struct Committed(Arc<RwLock<Arc<State>>>);

impl Committed {
    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn swap(&self, state: State) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }
}

impl MemoryControlPlane {
    /// An empty one, without even a main branch. Leases and lifetimes are measured by this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared {
            committed: Committed::default(),
            writer: Arc::default(),
            turns: Turns::default(),
            unreadable: Unreadable::default(),
            clock,
            signals: MemoryOperationSignals::default(),
            audit_log: MemoryAuditLog::default(),
        }))
    }

    /// Branches for routing, as they are committed.
    pub fn branch_directory(&self) -> MemoryBranchDirectory {
        MemoryBranchDirectory::new(self.0.committed.clone())
    }

    /// Keys for authentication, as they are committed.
    pub fn key_directory(&self) -> MemoryKeyDirectory {
        MemoryKeyDirectory::new(self.0.committed.clone())
    }

    /// Login sessions for their access tokens, as they are committed.
    pub fn session_directory(&self) -> MemorySessionDirectory {
        MemorySessionDirectory::new(self.0.committed.clone(), Arc::clone(&self.0.clock))
    }

    /// Lets an operation be one that another version wrote, and that cannot be read here.
    pub fn cannot_read(&self, id: OperationId) {
        self.0.unreadable.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// Lets every operation be read.
    pub fn can_read_all(&self) {
        self.0.unreadable.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The bell that rings when an operation was added or given back.
    pub fn operation_signals(&self) -> MemoryOperationSignals {
        self.0.signals.clone()
    }

    /// The audit trail, which committed units of work write to as well.
    pub fn audit_log(&self) -> MemoryAuditLog {
        self.0.audit_log.clone()
    }
}

impl fmt::Debug for MemoryControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryControlPlane").finish_non_exhaustive()
    }
}

#[async_trait]
impl ControlPlane for MemoryControlPlane {
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(Box::new(MemoryUnitOfWork { shared: Arc::clone(&self.0), draft: None, audit: Vec::new(), turns: HashMap::new(), rings: false }))
    }
}

/// One transaction, which is every repository. Dropping it forgets the draft and lets the next writer go on.
pub(crate) struct MemoryUnitOfWork {
    shared: Arc<Shared>,
    draft: Option<Draft>,
    audit: Vec<AuditEntry>,
    turns: HashMap<String, OwnedMutexGuard<()>>,
    rings: bool,
}

/// The state as it will be, and the writer's turn.
struct Draft {
    state: State,
    _turn: OwnedMutexGuard<()>,
}

impl MemoryUnitOfWork {
    /// The operations that cannot be read here.
    pub(crate) fn unreadable_ids(&self) -> HashSet<OperationId> {
        self.shared.unreadable.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What this unit of work sees: its own draft, or else what is committed by now.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        match &self.draft {
            Some(draft) => look(&draft.state),
            None => look(&self.shared.committed.state()),
        }
    }

    /// The draft, for which writers take turns.
    pub(crate) async fn write(&mut self) -> &mut State {
        let draft = if let Some(draft) = self.draft.take() {
            draft
        } else {
            let turn = Arc::clone(&self.shared.writer).lock_owned().await;
            Draft { state: State::clone(&self.shared.committed.state()), _turn: turn }
        };
        &mut self.draft.insert(draft).state
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.shared.clock.now()
    }

    /// The turn at recurring work of this name, where nobody else has it.
    pub(crate) fn take_turn(&mut self, name: &str) -> bool {
        if self.turns.contains_key(name) {
            return true;
        }
        let turn = Arc::clone(self.shared.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default());
        let Ok(turn) = turn.try_lock_owned() else { return false };
        self.turns.insert(name.to_owned(), turn);
        true
    }

    /// Wakes workers at commit.
    pub(crate) fn ring_at_commit(&mut self) {
        self.rings = true;
    }
}

#[async_trait]
impl UnitOfWork for MemoryUnitOfWork {
    fn branches(&mut self) -> &mut dyn BranchRepository {
        self
    }

    fn operations(&mut self) -> &mut dyn OperationRepository {
        self
    }

    fn keys(&mut self) -> &mut dyn KeyRepository {
        self
    }

    fn users(&mut self) -> &mut dyn UserRepository {
        self
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        self
    }

    fn activity(&mut self) -> &mut dyn ActivityRepository {
        self
    }

    fn migrations(&mut self) -> &mut dyn MigrationHistoryRepository {
        self
    }

    fn audit(&mut self) -> &mut dyn AuditRepository {
        self
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        if let Some(draft) = self.draft {
            draft.state.check_references()?;
            self.shared.committed.swap(draft.state);
        }
        self.shared.audit_log.append(self.audit);
        if self.rings {
            self.shared.signals.ring();
        }
        Ok(())
    }
}

#[async_trait]
impl AuditRepository for MemoryUnitOfWork {
    async fn record(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.audit.push(entry.clone());
        Ok(())
    }

    async fn list(&mut self, wanted: &AuditFilter, request: &PageRequest) -> Result<Page<AuditRecord>, StoreError> {
        let entries = [self.shared.audit_log.entries(), self.audit.clone()].concat();
        trail(&entries, wanted, request)
    }
}
