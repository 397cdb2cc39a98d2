//! How the database of a branch is doing.

use super::StoreError;
use async_trait::async_trait;
use domain::{BranchId, branch::DatabaseName};
use time::OffsetDateTime;

/// How a branch is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchHealth {
    /// Whether its database could be connected to.
    pub reachable: bool,
    /// Bytes on disk.
    pub size_bytes: Option<u64>,
    /// Connections open now, ours too.
    pub connections: Option<u64>,
    /// When it was last used, as [`BranchProbe::last_used`] tells.
    pub last_used_at: Option<OffsetDateTime>,
}

/// How a database is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseHealth {
    /// Whether it could be connected to.
    pub reachable: bool,
    /// Bytes on disk.
    pub size_bytes: Option<u64>,
    /// Connections open now, ours too.
    pub connections: Option<u64>,
}

impl DatabaseHealth {
    /// One that is not there.
    pub const UNREACHABLE: Self = Self { reachable: false, size_bytes: None, connections: None };
}

/// Looks at databases from outside.
///
/// # Contract
/// It connects to no branch's database, so that looking costs a branch nothing. A database that is not there is not reachable, and no error.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BranchProbe: Send + Sync {
    /// How a database is doing now.
    async fn probe(&self, database: &DatabaseName) -> Result<DatabaseHealth, StoreError>;
    /// When somebody last asked for a branch's tables or their rows; `None` where nobody ever did. Of what other replicas were asked for in the last minute it need
    /// not know.
    async fn last_used(&self, branch: BranchId) -> Result<Option<OffsetDateTime>, StoreError>;
}
