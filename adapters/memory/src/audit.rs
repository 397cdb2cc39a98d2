//! The audit trail.

use crate::paging::page;
use async_trait::async_trait;
use domain::{
    Failure,
    audit::AuditEntry,
    page::{Page, PageRequest},
};
use ports::driven::{AuditFilter, AuditLog, AuditRecord, StoreError};
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
    fn has_room(&self) -> bool {
        true
    }

    async fn await_room(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn can_persist(&self) -> bool {
        true
    }

    async fn queue(&self, entry: AuditEntry) -> Result<(), Failure> {
        self.append(vec![entry]);
        Ok(())
    }

    async fn persist(&self, entry: AuditEntry) -> Result<(), Failure> {
        self.append(vec![entry]);
        Ok(())
    }
}

/// One page of those rows that are wanted, the newest first.
pub(crate) fn trail(entries: &[AuditEntry], wanted: &AuditFilter, request: &PageRequest) -> Result<Page<AuditRecord>, StoreError> {
    let found = (1..).zip(entries).filter(|(_, entry)| fits(entry, wanted)).map(|(id, entry)| record(id, entry)).collect();
    page("audit", request, found, |record: &AuditRecord| format!("{:020}", i64::MAX - record.id))
}

fn fits(entry: &AuditEntry, wanted: &AuditFilter) -> bool {
    wanted.since.is_none_or(|since| entry.at >= since)
        && wanted.until.is_none_or(|until| entry.at < until)
        && wanted.action.is_none_or(|action| entry.action == action)
        && wanted.outcome.as_ref().is_none_or(|outcome| entry.outcome == *outcome)
        && wanted.principal_id.is_none_or(|id| entry.principal_id == Some(id))
        && wanted.user_id.is_none_or(|id| entry.user_id == Some(id))
        && wanted.branch.as_ref().is_none_or(|branch| entry.branch.as_ref() == Some(branch))
        && wanted.request_id.as_ref().is_none_or(|id| entry.request_id == *id)
}

fn record(id: i64, entry: &AuditEntry) -> AuditRecord {
    AuditRecord {
        id,
        at: entry.at,
        request_id: entry.request_id.clone(),
        principal_kind: entry.principal_kind.to_owned(),
        principal_id: entry.principal_id,
        user_id: entry.user_id,
        door: entry.door.to_owned(),
        action: entry.action.name().to_owned(),
        branch: entry.branch.as_ref().map(ToString::to_string),
        target: entry.target.clone(),
        outcome: entry.outcome.clone(),
        duration_us: entry.duration_us,
    }
}
