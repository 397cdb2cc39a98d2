//! The audit trail.

use super::StoreError;
use async_trait::async_trait;
use domain::{Failure, audit::AuditEntry};

/// Audit rows written in the transaction of the change they tell of.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AuditRepository: Send {
    /// Adds a row.
    async fn record(&mut self, entry: &AuditEntry) -> Result<(), StoreError>;
}

/// Audit rows of actions that have no transaction of the metadata database: reads, refusals, work on a branch's data.
///
/// # Contract
/// One batching writer. A full queue makes callers wait; a row is never dropped.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Returns once the row is queued. It is durable within 100 ms.
    async fn queue(&self, entry: AuditEntry) -> Result<(), Failure>;
    /// Returns once the row is durable, together with others of the same moment.
    async fn persist(&self, entry: AuditEntry) -> Result<(), Failure>;
}
