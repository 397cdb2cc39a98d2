//! One database: its pools, one for each login that is used, and its catalogue.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{Failure, access::Role, branch::DatabaseName};
use futures_util::future::join_all;
use ports::driven::LoginRestorer;

use super::{
    catalogue::{CatalogueCache, CatalogueSource},
    settings::{Login, Settings},
};
use crate::wire::{Budget, LoginMender, Pool, PoolOptions, PoolStats, SqlError, Target};

/// One database: its pools, one for each login that is used, and its catalogue.
#[derive(Debug)]
pub(super) struct Database {
    name: DatabaseName,
    settings: Arc<Settings>,
    budget: Arc<Budget>,
    state: Mutex<State>,
    pub(super) catalogue: Arc<CatalogueCache>,
}

#[derive(Debug)]
struct State {
    user: Option<Pool>,
    service: Option<Pool>,
    used: Instant,
    /// When somebody last asked for what is in it, until that is written down.
    asked: Option<Instant>,
}

impl Database {
    pub(super) fn new(name: DatabaseName, settings: &Arc<Settings>, budget: &Arc<Budget>) -> Self {
        let source = CatalogueSource::new(settings, &name);
        Self {
            name,
            settings: settings.clone(),
            budget: budget.clone(),
            state: Mutex::new(State { user: None, service: None, used: Instant::now(), asked: None }),
            catalogue: Arc::new(CatalogueCache::new(source)),
        }
    }

    /// The pool whose login may become this role.
    pub(super) fn pool(&self, role: Role) -> Result<Pool, Failure> {
        self.pool_of(&mut self.state(), role)
    }

    /// The same for somebody who asks for what is in it.
    pub(super) fn pool_for_request(&self, role: Role) -> Result<Pool, Failure> {
        let mut state = self.state();
        let pool = self.pool_of(&mut state, role);
        state.asked = Some(state.used);
        pool
    }

    fn pool_of(&self, state: &mut State, role: Role) -> Result<Pool, Failure> {
        state.used = Instant::now();
        let slot = match role {
            Role::Service => &mut state.service,
            Role::Anon | Role::Authenticated => &mut state.user,
        };
        if let Some(pool) = slot {
            return Ok(pool.clone());
        }
        let options = PoolOptions {
            acquire_timeout: self.settings.acquire_timeout,
            mender: self.mender(),
            // Every pool may use all connections there are; the budget takes idle ones from others.
            ..PoolOptions::new(self.settings.max_connections, self.budget.clone())
        };
        let pool = Pool::new(self.target(&self.settings.login(role, &self.name)), options).map_err(Failure::internal)?;
        *slot = Some(pool.clone());
        Ok(pool)
    }

    /// A role for each of the logins that are in use.
    pub(super) fn roles_in_use(&self) -> Vec<Role> {
        let state = self.state();
        let pools = [(Role::Authenticated, &state.user), (Role::Service, &state.service)];
        pools.into_iter().filter(|(_, pool)| pool.is_some()).map(|(role, _)| role).collect()
    }

    /// Reads the catalogue, and leaves a connection open for each of these roles.
    pub(super) async fn warm_up(&self, roles: &[Role]) -> Result<(), Failure> {
        for role in roles {
            let pool = self.pool(*role)?;
            self.catalogue.current(&pool).await?;
            pool.open_one().await.map_err(Failure::internal)?;
        }
        Ok(())
    }

    /// The connections that its pools have now.
    pub(super) fn connections(&self) -> PoolStats {
        let state = self.state();
        [&state.user, &state.service].into_iter().flatten().map(Pool::stats).sum()
    }

    pub(super) fn unused_for(&self) -> Duration {
        self.state().used.elapsed()
    }

    /// When somebody last asked for what is in it, since that was last taken.
    pub(super) fn asked(&self) -> Option<Instant> {
        self.state().asked
    }

    /// The same, taken: whoever has it writes it down.
    pub(super) fn take_asked(&self) -> Option<Instant> {
        self.state().asked.take()
    }

    /// Closes its pools: new requests are refused, those that run are waited for.
    pub(super) async fn close(&self) {
        let pools = {
            let state = self.state();
            [state.user.clone(), state.service.clone()]
        };
        // All at once: none is open for longer because another one's requests take their time.
        join_all(pools.iter().flatten().map(Pool::close)).await;
    }

    /// Main's logins are as they were given.
    fn mender(&self) -> Option<Arc<dyn LoginMender>> {
        let of_a_branch = self.name != self.settings.main_database;
        of_a_branch.then(|| {
            let (database, restorer) = (self.name.clone(), self.settings.restorer.clone());
            Arc::new(Mender { database, restorer, crowded: Mutex::default() }) as Arc<dyn LoginMender>
        })
    }

    fn target(&self, login: &Login) -> Target {
        Target { user: login.name.clone(), password: login.password.clone(), database: self.name.as_str().to_owned(), ..self.settings.server.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the logins of a branch's database right, by whose code they were changed.
#[derive(Debug)]
struct Mender {
    database: DatabaseName,
    restorer: Arc<dyn LoginRestorer>,
    /// When there was last no room for a session more.
    crowded: Mutex<Option<Instant>>,
}

/// Who has their hands on a login can keep it crowded: then there is nothing to mend.
const BETWEEN_CROWDS: Duration = Duration::from_secs(10);

impl Mender {
    /// The password was changed; or replicas came since it was said how many sessions there may be.
    fn is_worth_it(&self, sqlstate: &str) -> bool {
        match sqlstate {
            "28P01" => true,
            "53300" => {
                let mut crowded = self.crowded.lock().unwrap_or_else(PoisonError::into_inner);
                let first = crowded.is_none_or(|at| at.elapsed() > BETWEEN_CROWDS);
                if first {
                    *crowded = Some(Instant::now());
                }
                first
            }
            _ => false,
        }
    }
}

#[async_trait]
impl LoginMender for Mender {
    async fn mend(&self, refusal: &SqlError) -> bool {
        if !self.is_worth_it(&refusal.sqlstate) {
            return false;
        }
        let (database, sqlstate) = (&self.database, &refusal.sqlstate);
        match self.restorer.restore(database).await {
            Ok(()) => tracing::warn!(%database, sqlstate, "a login of a branch was refused, and was put right"),
            Err(error) => tracing::warn!(%error, %database, sqlstate, "a login of a branch was refused, and could not be put right"),
        }
        true
    }
}
