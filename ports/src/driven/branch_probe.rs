//! How the database of a branch is doing.

use super::StoreError;
use async_trait::async_trait;
use domain::branch::DatabaseName;
use time::OffsetDateTime;

/// How a branch's database is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchHealth {
    /// Whether it could be connected to.
    pub reachable: bool,
    /// Bytes on disk.
    pub size_bytes: Option<u64>,
    /// Connections open now, ours too.
    pub connections: Option<u64>,
    /// When this replica last served it.
    pub last_used_at: Option<OffsetDateTime>,
}

/// Looks at databases from outside.
///
/// # Contract
/// It connects to no branch's database, so that looking costs a branch nothing. A database that is not there is not reachable, and no error.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BranchProbe: Send + Sync {
    /// How a database is doing now.
    async fn probe(&self, database: &DatabaseName) -> Result<BranchHealth, StoreError>;
}
