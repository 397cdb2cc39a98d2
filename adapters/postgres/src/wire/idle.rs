//! Connections that nobody uses just now.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit},
    time::Instant,
};
use tracing::debug;

use super::connection::Connection;

/// How many connections of a pool are open.
#[derive(Default)]
pub(super) struct OpenCount {
    open: AtomicUsize,
    fell: Notify,
}

impl OpenCount {
    pub(super) fn get(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    pub(super) async fn wait_for_none(&self) {
        loop {
            let fell = self.fell.notified();
            if self.get() == 0 {
                return;
            }
            fell.await;
        }
    }
}

/// The right to one open connection, given back when it is closed.
pub(super) struct Ticket {
    _permit: OwnedSemaphorePermit,
    count: Arc<OpenCount>,
}

impl Ticket {
    pub(super) fn new(permit: OwnedSemaphorePermit, count: Arc<OpenCount>) -> Self {
        count.open.fetch_add(1, Ordering::AcqRel);
        Self { _permit: permit, count }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.count.open.fetch_sub(1, Ordering::AcqRel);
        self.count.fell.notify_waiters();
    }
}

/// A connection of a pool. Fields drop in order: the socket is closed before the right to it is given back.
pub(super) struct Member {
    pub(super) connection: Connection,
    _ticket: Ticket,
}

impl Member {
    pub(super) fn new(connection: Connection, ticket: Ticket) -> Self {
        Self { connection, _ticket: ticket }
    }
}

/// Connections that nobody uses just now, the one used last on top.
#[derive(Default)]
pub(super) struct IdleList {
    state: Mutex<State>,
    returned: Notify,
}

#[derive(Default)]
struct State {
    closed: bool,
    members: Vec<(Box<Member>, Instant)>,
}

impl IdleList {
    /// The one used last that is still alive.
    pub(super) fn take(&self) -> Option<Box<Member>> {
        loop {
            let (mut member, _) = self.lock().members.pop()?;
            if member.connection.is_alive() {
                return Some(member);
            }
            debug!("an idle database connection was dead");
            member.connection.abandon();
        }
    }

    /// Keeps a connection for the next caller, or closes it where the pool is closed.
    pub(super) fn put(&self, member: Box<Member>) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return;
        }
        state.members.push((member, Instant::now()));
        drop(state);
        self.returned.notify_one();
    }

    /// Waits until a connection was put here.
    pub(super) async fn returned(&self) {
        self.returned.notified().await;
    }

    pub(super) fn len(&self) -> usize {
        self.lock().members.len()
    }

    /// Since when the one that was not used for longest has been idle.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.lock().members.first().map(|(_, since)| *since)
    }

    /// Closes the one that was not used for longest. False where there was none.
    pub(super) fn close_oldest(&self) -> bool {
        let mut state = self.lock();
        let oldest = (!state.members.is_empty()).then(|| state.members.remove(0));
        drop(state); // closing says farewell to the server, not under the lock
        oldest.is_some()
    }

    pub(super) fn close_unused_since(&self, limit: Instant) {
        let mut state = self.lock();
        let kept = state.members.partition_point(|(_, since)| *since < limit);
        let closed: Vec<_> = state.members.drain(..kept).collect();
        drop(state);
        if !closed.is_empty() {
            debug!(connections = closed.len(), "idle database connections closed");
        }
    }

    /// Closes all of them, and every one that comes later.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let members = std::mem::take(&mut state.members);
        drop(state);
        drop(members);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
