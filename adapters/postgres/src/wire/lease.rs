//! A connection in use: how it is got, and what becomes of it afterwards, whatever state it was left in.

use std::sync::{Arc, atomic::Ordering};

use tokio::{
    sync::{OwnedSemaphorePermit, TryAcquireError},
    time::{Instant, timeout, timeout_at},
};
use tracing::debug;

use super::{
    budget::Counted,
    cancel::cancel,
    connection::{Connection, Phase},
    dial::timed_out,
    error::WireError,
    idle::{Member, Ticket},
    shared::Shared,
    startup,
};

/// A connection in use. Dropping it hands the connection on if it is clean, cleans it if it can, cancels what runs and closes it otherwise.
pub(super) struct Lease {
    member: Option<Box<Member>>,
    slot: Option<OwnedSemaphorePermit>,
    shared: Arc<Shared>,
    /// The connection served others before, so it may have died meanwhile.
    pub(super) reused: bool,
}

enum Found {
    Member(Box<Member>),
    Ticket(Ticket),
}

impl Lease {
    /// Waits for a turn, first come first served, and for a connection.
    pub(super) async fn acquire(shared: &Arc<Shared>) -> Result<Self, WireError> {
        let deadline = Instant::now() + shared.options.acquire_timeout;
        let slot = match shared.slots.clone().try_acquire_owned() {
            Ok(slot) => slot,
            Err(TryAcquireError::Closed) => return Err(WireError::PoolClosed),
            Err(TryAcquireError::NoPermits) => {
                let _waiting = Counted::add(&shared.waiting);
                match timeout_at(deadline, shared.slots.clone().acquire_owned()).await {
                    Ok(slot) => slot.map_err(|_| WireError::PoolClosed)?,
                    Err(_) => return Err(WireError::PoolTimeout),
                }
            }
        };
        let found = match shared.idle.take() {
            Some(member) => Found::Member(member),
            None => timeout_at(deadline, find(shared)).await.map_err(|_| WireError::PoolTimeout)?,
        };
        let (member, reused) = match found {
            Found::Member(member) => (member, true),
            Found::Ticket(ticket) => (Box::new(Member::new(open(shared).await?, ticket)), false),
        };
        Ok(Self { member: Some(member), slot: Some(slot), shared: shared.clone(), reused })
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.member.as_mut().expect("a lease has its connection until it is dropped").connection
    }

    /// Puts a fresh connection in the place of a dead one.
    pub(super) async fn reconnect(&mut self) -> Result<(), WireError> {
        self.connection().abandon();
        let connection = open(&self.shared).await?;
        *self.connection() = connection;
        self.reused = false;
        Ok(())
    }
}

/// An idle connection, or the right to open one.
async fn find(shared: &Arc<Shared>) -> Found {
    let budget = &shared.options.budget;
    let _waiting = Counted::add(&shared.waiting);
    loop {
        if let Some(member) = shared.idle.take() {
            return Found::Member(member);
        }
        if let Some(permit) = budget.try_take() {
            return Found::Ticket(Ticket::new(permit, shared.open.clone()));
        }
        let _demand = budget.demand(shared.open.get() == 0);
        if budget.close_an_idle_one(&shared.idle) {
            continue;
        }
        tokio::select! {
            permit = budget.take() => return Found::Ticket(Ticket::new(permit, shared.open.clone())),
            () = shared.idle.returned() => {}
        }
    }
}

async fn open(shared: &Shared) -> Result<Connection, WireError> {
    let outcome = open_once(shared).await;
    if let (Err(WireError::Refused(refusal)), Some(mender)) = (&outcome, &shared.options.mender)
        && mender.mend(refusal).await
    {
        return open_once(shared).await;
    }
    outcome
}

async fn open_once(shared: &Shared) -> Result<Connection, WireError> {
    let opening = startup::open(&shared.dialer, shared.options.statement_cache);
    timeout(shared.options.connect_timeout, opening).await.unwrap_or_else(|_| Err(timed_out()))
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(member), Some(slot)) = (self.member.take(), self.slot.take()) else { return };
        match member.connection.phase {
            Phase::Ready => hand_on(&self.shared, member, slot),
            Phase::InTransaction => drop(self.shared.runtime.spawn(clean(self.shared.clone(), member, slot))),
            Phase::Busy => drop(self.shared.runtime.spawn(end(self.shared.clone(), member, slot))),
            Phase::Broken => debug!("a broken database connection was closed"),
        }
    }
}

/// The only way for a connection to the next caller.
fn hand_on(shared: &Shared, member: Box<Member>, slot: OwnedSemaphorePermit) {
    debug_assert_eq!(member.connection.phase, Phase::Ready);
    shared.idle.put(member);
    let own_demand = shared.waiting.load(Ordering::SeqCst) > 0 || shared.slots.available_permits() == 0;
    if shared.options.budget.wants_back(own_demand) {
        shared.idle.close_oldest();
    }
    drop(slot); // after the connection lies there: who gets the slot finds it
}

async fn clean(shared: Arc<Shared>, mut member: Box<Member>, slot: OwnedSemaphorePermit) {
    let cleaned = timeout(shared.options.connect_timeout, member.connection.roll_back()).await;
    if matches!(cleaned, Ok(Ok(()))) && member.connection.phase == Phase::Ready {
        hand_on(&shared, member, slot);
    } else {
        debug!("a database connection could not be rolled back and was closed");
    }
}

/// Cancels what runs, then closes; the slot is free only then, so that abandoned queries count against the limit while they live.
async fn end(shared: Arc<Shared>, member: Box<Member>, slot: OwnedSemaphorePermit) {
    if let Some(key) = member.connection.key {
        cancel(&shared.dialer, &member.connection.peer, key).await;
    }
    drop(member);
    drop(slot);
}
