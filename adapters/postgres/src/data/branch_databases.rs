//! The databases in use, by name.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{BranchId, Failure, branch::DatabaseName};
use ports::driven::{BranchDatabases, BranchSession, OpenDatabase, OpenDatabases, SecurityContext};
use tokio::time::timeout;

use super::{database::Database, exchange::Runner, session::PgBranchSession, settings::Settings, shares::Shares};
use crate::wire::{Budget, PoolStats};

/// Longer than this nothing waits for what only spares others some waiting.
const WARM_UP: Duration = Duration::from_secs(2);

/// Longer than this nobody waits for requests on a database that is let go of: they end by themselves, and their connections with them.
const PARTING: Duration = Duration::from_secs(2);

/// What nobody asked for in this time is forgotten.
const UNUSED: Duration = Duration::from_mins(15);

/// The data of branches, each in a database of its own on one server. Databases are connected to when they are first asked for.
#[derive(Debug)]
pub struct PgBranchDatabases {
    settings: Arc<Settings>,
    budget: Arc<Budget>,
    shares: Arc<Shares>,
    databases: Mutex<HashMap<DatabaseName, Opened>>,
    /// What was asked for in databases that are let go of, and what could not be written down.
    left_uses: Mutex<HashMap<BranchId, Instant>>,
}

/// A database, and the branch that it was opened for, once somebody asked for its data.
#[derive(Clone, Debug)]
struct Opened {
    database: Arc<Database>,
    branch: Option<BranchId>,
}

impl PgBranchDatabases {
    /// Connects to nothing yet.
    pub fn new(settings: Settings) -> Self {
        let connections = settings.max_connections;
        let patience = settings.acquire_timeout;
        Self {
            settings: Arc::new(settings),
            budget: Budget::new(connections),
            shares: Arc::new(Shares::of(connections, patience)),
            databases: Mutex::default(),
            left_uses: Mutex::default(),
        }
    }

    /// The definitions of a database have changed, says its event trigger: the next request reads the catalogue anew.
    pub fn invalidate(&self, database: &DatabaseName) {
        self.database(database).catalogue.invalidate();
    }

    /// Says whether somebody calls [`Self::invalidate`] after every change. While nobody does, the change token is looked at every two seconds.
    pub fn set_has_event_trigger(&self, database: &DatabaseName, has_event_trigger: bool) {
        let catalogue = &self.database(database).catalogue;
        catalogue.set_told(has_event_trigger);
        catalogue.invalidate(); // nobody may have been listening until now
    }

    /// The connections that there are now, to all databases together.
    pub fn connections(&self) -> PoolStats {
        self.databases().values().map(|opened| opened.database.connections()).sum()
    }

    /// When somebody last asked here for a branch's tables or their rows, where that is not written down yet.
    pub(crate) fn last_use(&self, branch: BranchId) -> Option<Instant> {
        let left = self.left_uses().get(&branch).copied();
        let open = self.databases().values().filter(|opened| opened.branch == Some(branch)).filter_map(|opened| opened.database.asked()).max();
        left.max(open)
    }

    /// The same of every branch, to be written down.
    pub(crate) fn take_uses(&self) -> HashMap<BranchId, Instant> {
        let mut uses = mem::take(&mut *self.left_uses());
        for opened in self.databases().values() {
            if let (Some(branch), Some(at)) = (opened.branch, opened.database.take_asked()) {
                keep_latest(&mut uses, branch, at);
            }
        }
        uses
    }

    /// Takes back what could not be written down.
    pub(crate) fn keep_uses(&self, uses: HashMap<BranchId, Instant>) {
        let mut left = self.left_uses();
        for (branch, at) in uses {
            keep_latest(&mut left, branch, at);
        }
    }

    fn left_uses(&self) -> MutexGuard<'_, HashMap<BranchId, Instant>> {
        self.left_uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn database(&self, name: &DatabaseName) -> Arc<Database> {
        self.opened(name, None)
    }

    fn opened(&self, name: &DatabaseName, branch: Option<BranchId>) -> Arc<Database> {
        let mut databases = self.databases();
        if let Some(opened) = databases.get_mut(name) {
            opened.branch = opened.branch.or(branch);
            return opened.database.clone();
        }
        // Main is always kept: its catalogue may depend on a listener that was told of it once.
        databases.retain(|name, opened| *name == self.settings.main_database || opened.database.unused_for() < UNUSED);
        let database = Arc::new(Database::new(name.clone(), &self.settings, &self.budget));
        databases.insert(name.clone(), Opened { database: database.clone(), branch });
        database
    }

    fn databases(&self) -> MutexGuard<'_, HashMap<DatabaseName, Opened>> {
        self.databases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep_latest(uses: &mut HashMap<BranchId, Instant>, branch: BranchId, at: Instant) {
    uses.entry(branch).and_modify(|known| *known = at.max(*known)).or_insert(at);
}

#[async_trait]
impl OpenDatabases for PgBranchDatabases {
    fn open(&self) -> Vec<OpenDatabase> {
        let databases = self.databases();
        let of_branches = databases.iter().filter(|(name, _)| **name != self.settings.main_database);
        of_branches.filter_map(|(name, opened)| Some(OpenDatabase { branch: opened.branch?, database: name.clone() })).collect()
    }

    async fn forget(&self, database: &DatabaseName) {
        let forgotten = self.databases().remove(database);
        if let Some(Opened { database, branch: Some(branch) }) = &forgotten
            && let Some(at) = database.take_asked()
        {
            self.keep_uses(HashMap::from([(*branch, at)]));
        }
        if let Some(opened) = forgotten
            && timeout(PARTING, opened.database.close()).await.is_err()
        {
            tracing::debug!(%database, "requests are still at work on a database that is let go of");
        }
    }

    async fn warm_up(&self, next: &OpenDatabase) {
        let of_branch = |(name, opened): &(&DatabaseName, &Opened)| opened.branch == Some(next.branch) && **name != next.database;
        let mut roles = Vec::new();
        for role in self.databases().iter().filter(of_branch).flat_map(|(_, opened)| opened.database.roles_in_use()) {
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        if roles.is_empty() {
            return;
        }
        let database = self.opened(&next.database, Some(next.branch));
        match timeout(WARM_UP, database.warm_up(&roles)).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => tracing::debug!(%failure, database = %next.database, "could not be made ready for requests before the switch"),
            Err(_) => tracing::debug!(database = %next.database, "was not ready for requests in time"),
        }
    }
}

#[async_trait]
impl BranchDatabases for PgBranchDatabases {
    async fn open(&self, context: &SecurityContext) -> Result<Box<dyn BranchSession>, Failure> {
        let name = &context.route.database;
        let database = self.opened(name, Some(context.route.id));
        let role = context.principal.role;
        let runner = Runner {
            settings: self.settings.clone(),
            pool: database.pool_for_request(role)?,
            shares: self.shares.clone(),
            role: self.settings.role(role, name).to_owned(),
            principal: context.principal.clone(),
            access: context.access,
        };
        Ok(Box::new(PgBranchSession::new(database, runner)))
    }
}
