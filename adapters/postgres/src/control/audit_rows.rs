//! Audit rows written in the transaction of the change they tell of.

use super::{
    audit_batch::{Texts, insert},
    error::store,
    unit_of_work::PgUnitOfWork,
};
use async_trait::async_trait;
use domain::audit::AuditEntry;
use ports::driven::{AuditRepository, StoreError};
use std::slice;

#[async_trait]
impl AuditRepository for PgUnitOfWork {
    async fn record(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        insert(&mut self.transaction, slice::from_ref(entry), Texts::AsTheyAre).await.map_err(store)
    }
}
