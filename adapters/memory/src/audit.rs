//! The audit trail.

use async_trait::async_trait;
use domain::{Failure, audit::AuditEntry};
use ports::driven::AuditLog;
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps every row, for tests to look at.
#[derive(Clone, Debug, Default)]
pub struct MemoryAuditLog(Arc<Mutex<Vec<AuditEntry>>>);

impl MemoryAuditLog {
    /// The rows, in the order of their arrival.
    pub fn entries(&self) -> Vec<AuditEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn append(&self, entries: Vec<AuditEntry>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(entries);
    }
}

#[async_trait]
impl AuditLog for MemoryAuditLog {
    async fn queue(&self, entry: AuditEntry) -> Result<(), Failure> {
        self.append(vec![entry]);
        Ok(())
    }

    async fn persist(&self, entry: AuditEntry) -> Result<(), Failure> {
        self.append(vec![entry]);
        Ok(())
    }
}
