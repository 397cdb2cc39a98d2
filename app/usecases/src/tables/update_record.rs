//! Change rows.

use super::bounded;
use crate::routing::BranchResolver;
use async_trait::async_trait;
use domain::{Access, Caller, Failure};
use ports::{
    driven::Written,
    driving::{UpdateRecord, UseCase},
};

/// See [`UpdateRecord`].
pub struct UpdateRecordUseCase {
    branches: BranchResolver,
}

impl UpdateRecordUseCase {
    /// Over the branches of a resolver.
    pub fn new(branches: BranchResolver) -> Self {
        Self { branches }
    }
}

#[async_trait]
impl UseCase<UpdateRecord> for UpdateRecordUseCase {
    async fn run(&self, caller: &Caller, command: UpdateRecord) -> Result<Written, Failure> {
        bounded(command.update.filter.as_ref(), command.update.max_affected)?;
        let mut session = self.branches.open(caller, &command.branch, Access::Write).await?;
        session.update(&command.update).await
    }
}
