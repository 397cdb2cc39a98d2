//! The command of administrators on the audit trail.

use super::Command;
use crate::driven::{AuditFilter, AuditRecord};
use domain::{
    Action,
    page::{Page, PageRequest},
};

/// Read the audit trail, the newest rows first.
#[derive(Clone, Debug)]
pub struct ListAudit {
    /// Which rows.
    pub wanted: AuditFilter,
    /// Which page.
    pub page: PageRequest,
}

impl Command for ListAudit {
    const ACTION: Action = Action::ListAudit;
    type Output = Page<AuditRecord>;
}
