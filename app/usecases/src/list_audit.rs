//! Read the audit trail.

use async_trait::async_trait;
use domain::{Caller, Failure, page::Page};
use ports::{
    driven::{AuditRecord, ControlPlane},
    driving::{ListAudit, UseCase},
};
use std::sync::Arc;

/// See [`ListAudit`].
pub struct ListAuditUseCase {
    control_plane: Arc<dyn ControlPlane>,
}

impl ListAuditUseCase {
    /// Over the control plane.
    pub fn new(control_plane: Arc<dyn ControlPlane>) -> Self {
        Self { control_plane }
    }
}

#[async_trait]
impl UseCase<ListAudit> for ListAuditUseCase {
    async fn run(&self, _caller: &Caller, command: ListAudit) -> Result<Page<AuditRecord>, Failure> {
        let mut work = self.control_plane.begin().await?;
        Ok(work.audit().list(&command.wanted, &command.page).await?)
    }
}
