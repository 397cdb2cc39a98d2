//! What a reset replaced.

use super::{Branch, BranchState, Generation, Withheld};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The generation that served before a reset. Its database is kept for a time, closed to everybody, so that the reset can be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Which.
    pub generation: Generation,
    /// Since when it serves no more. Requests that began before end on it: it is closed some seconds later.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// Until when it can be brought back.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// Whether it is known to be closed to everybody.
    #[serde(default)]
    pub closed: bool,
    /// What its copy had left out.
    pub withheld: Vec<Withheld>,
    /// The moment that its rows were copied at.
    #[serde(with = "time::serde::rfc3339::option")]
    pub data_as_of: Option<OffsetDateTime>,
}

impl Previous {
    /// Whether it can still be brought back. Its database may be there a little longer.
    pub fn is_kept(&self, now: OffsetDateTime) -> bool {
        self.until > now
    }
}

impl Branch {
    /// The branch as callers are told of it: without what a reset replaced, once it is kept no longer.
    #[must_use]
    pub fn told_at(self, now: OffsetDateTime) -> Self {
        Self { previous: self.previous.filter(|previous| previous.is_kept(now)), ..self }
    }

    /// The previous generation, unless it is on its way back.
    pub fn set_aside(&self) -> Option<&Previous> {
        let returning = |previous: &&Previous| matches!(self.state, BranchState::Resetting { next, .. } if next == previous.generation);
        self.previous.as_ref().filter(|previous| !returning(previous))
    }

    /// The generations that have a database, or may have one: what serves, what is being built or taken away, what is kept.
    pub fn generations(&self) -> Vec<Generation> {
        let (at_work, next) = match self.state {
            BranchState::Creating { generation, .. } | BranchState::Ready { generation } | BranchState::Migrating { generation, .. } => {
                (Some(generation), None)
            }
            BranchState::Resetting { generation, next, .. } => (generation, Some(next)),
            BranchState::Error { generation, .. } | BranchState::Deleting { generation, .. } => (generation, None),
            BranchState::Deleted { .. } => (None, None),
        };
        let mut all: Vec<Generation> = at_work.into_iter().chain(next).chain(self.previous.as_ref().map(|previous| previous.generation)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}
