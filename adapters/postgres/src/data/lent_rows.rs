//! Rows that a reader takes in its own time, which they do not have for ever.
//!
//! A server that waits for its answer to be taken does not look at its statement timeout, so a reader that stops reading would keep a connection for as
//! long as it likes; a few of them, all of them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::Principal;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::{json_rows::JsonRows, shares::Shares};
use crate::wire::Pool;

/// How often it is looked whether somebody waits for a connection, or for its end.
const LOOK: Duration = Duration::from_millis(50);

/// Rows whose reader is busy elsewhere: they lie here half read, and keep their connection.
///
/// Once they are due, they are given up when their connection is wanted. That is when all connections are in use and anybody waits for one; when the
/// reader's share of them is in use and another of its requests waits; or when their database is let go of.
#[derive(Debug)]
pub(super) struct LentRows {
    lender: Lender,
    due: Instant,
    state: Arc<Mutex<State>>,
    watch: Option<AbortOnDropHandle<()>>,
}

/// Where the connection belongs, and on whose behalf it is used.
#[derive(Clone, Debug)]
pub(super) struct Lender {
    pub(super) pool: Pool,
    pub(super) shares: Arc<Shares>,
    pub(super) principal: Arc<Principal>,
}

#[derive(Debug)]
enum State {
    Lying(Box<JsonRows>),
    /// The reader has them.
    Taken,
    GivenUp,
    Ended,
}

/// They were given up, or lost with a reader that did not come back.
#[derive(Debug)]
pub(super) struct NotThere;

impl LentRows {
    pub(super) fn new(rows: JsonRows, lender: Lender, due: Instant) -> Self {
        Self { lender, due, state: Arc::new(Mutex::new(State::Lying(Box::new(rows)))), watch: None }
    }

    /// The rows, if there are any left. To be put back or ended.
    pub(super) fn take(&self) -> Result<Option<Box<JsonRows>>, NotThere> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Lying(rows) => Ok(Some(rows)),
            State::Ended => {
                *state = State::Ended;
                Ok(None)
            }
            State::GivenUp | State::Taken => {
                *state = State::Ended;
                Err(NotThere)
            }
        }
    }

    /// Lays them down until the reader comes for more.
    pub(super) fn put(&mut self, rows: Box<JsonRows>) {
        *lock(&self.state) = State::Lying(rows);
        if self.watch.is_none() {
            self.watch = Some(AbortOnDropHandle::new(tokio::spawn(watch(self.state.clone(), self.lender.clone(), self.due))));
        }
    }

    /// There is nothing more to come.
    pub(super) fn end(&mut self) {
        *lock(&self.state) = State::Ended;
        self.watch = None;
    }
}

async fn watch(state: Arc<Mutex<State>>, lender: Lender, due: Instant) {
    sleep_until(due).await;
    let share = lender.shares.wanted(&lender.principal);
    loop {
        if (lender.pool.is_wanted() || lender.pool.is_closed() || share.is_wanted()) && give_up(&state) {
            tracing::debug!("a reader was too slow and its connection was wanted, or its database let go of: its rows were given up");
            return;
        }
        sleep(LOOK).await;
    }
}

fn give_up(state: &Mutex<State>) -> bool {
    let mut state = lock(state);
    if !matches!(*state, State::Lying(_)) {
        return false;
    }
    let given_up = std::mem::replace(&mut *state, State::GivenUp);
    drop(state);
    drop(given_up); // cancels the statement
    true
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
