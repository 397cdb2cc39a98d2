//! Delete rows.

use super::bounded;
use crate::routing::BranchResolver;
use async_trait::async_trait;
use domain::{Access, Caller, Failure};
use ports::{
    driven::Written,
    driving::{DeleteRecord, UseCase},
};

/// See [`DeleteRecord`].
pub struct DeleteRecordUseCase {
    branches: BranchResolver,
}

impl DeleteRecordUseCase {
    /// Over the branches of a resolver.
    pub fn new(branches: BranchResolver) -> Self {
        Self { branches }
    }
}

#[async_trait]
impl UseCase<DeleteRecord> for DeleteRecordUseCase {
    async fn run(&self, caller: &Caller, command: DeleteRecord) -> Result<Written, Failure> {
        bounded(command.delete.filter.as_ref(), command.delete.max_affected)?;
        let mut session = self.branches.open(caller, &command.branch, Access::Write).await?;
        session.delete(&command.delete).await
    }
}
