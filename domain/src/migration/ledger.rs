//! What a database says was applied to it.

use super::file::{Checksum, MigrationVersion};
use std::time::Duration;
use time::OffsetDateTime;

/// How far a migration has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerState {
    /// To its end.
    Applied,
    /// A file without a transaction, of which so many statements have ended. Whoever worked on it may be gone.
    Running {
        /// Statements that have ended.
        done: u32,
    },
    /// A file without a transaction, of which so many statements have ended and the next failed.
    Failed {
        /// Statements that have ended.
        done: u32,
        /// What went wrong.
        message: String,
    },
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The version.
    pub version: MigrationVersion,
    /// The file, as it was named then.
    pub name: String,
    /// Its checksum then.
    pub checksum: Checksum,
    /// How many statements it had.
    pub statements: u32,
    /// How far it came.
    pub state: LedgerState,
    /// How long it took.
    pub duration: Duration,
    /// Who had it applied.
    pub who: String,
    /// The schema's fingerprint afterwards, where somebody recorded it.
    pub fingerprint: Option<String>,
    /// When.
    pub applied_at: OffsetDateTime,
}

impl LedgerEntry {
    /// Whether it ran to its end.
    pub fn is_applied(&self) -> bool {
        self.state == LedgerState::Applied
    }

    /// How many of its statements have ended.
    pub fn done(&self) -> u32 {
        match self.state {
            LedgerState::Applied => self.statements,
            LedgerState::Running { done } | LedgerState::Failed { done, .. } => done,
        }
    }

    /// Whether a file without a transaction has changed something and not come to its end: nobody can tell its changes from those of others then.
    pub fn came_half_way(&self) -> bool {
        matches!(self.state, LedgerState::Running { done } | LedgerState::Failed { done, .. } if done > 0)
    }
}
