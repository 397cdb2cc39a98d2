//! `branching.migration_history`: what migrating did to branches.

use super::StoreError;
use async_trait::async_trait;
use domain::{
    BranchId,
    migration::MigrationVersion,
    page::{Page, PageRequest},
};
use std::time::Duration;
use time::OffsetDateTime;

/// What came of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationOutcome {
    /// It was applied.
    Applied,
    /// It failed.
    Failed,
    /// It was taken as applied without being run.
    Baselined,
    /// Its ledger row was put right by hand.
    Repaired,
}

impl MigrationOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Applied, Self::Failed, Self::Baselined, Self::Repaired];

    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Baselined => "baselined",
            Self::Repaired => "repaired",
        }
    }
}

/// A line of a branch's history of migrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationHistory {
    /// The branch.
    pub branch_id: BranchId,
    /// The migration.
    pub version: MigrationVersion,
    /// Its file.
    pub name: String,
    /// What came of it.
    pub outcome: MigrationOutcome,
    /// How long it took.
    pub duration: Duration,
    /// Who: `user:<id>`, `key:<id>`, `fluxbase`.
    pub who: String,
    /// When it ended.
    pub at: OffsetDateTime,
    /// What went wrong, for people.
    pub detail: Option<String>,
}

/// Histories of migrations in the metadata database. They outlive the databases that they tell of.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait MigrationHistoryRepository: Send {
    /// Adds a line.
    async fn record(&mut self, line: &MigrationHistory) -> Result<(), StoreError>;
    /// A branch's lines, newest first.
    async fn list(&mut self, branch: BranchId, page: &PageRequest) -> Result<Page<MigrationHistory>, StoreError>;
}
