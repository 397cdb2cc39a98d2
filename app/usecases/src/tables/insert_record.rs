//! Insert rows.

use crate::routing::BranchResolver;
use async_trait::async_trait;
use domain::{Access, Caller, Failure};
use ports::{
    driven::Written,
    driving::{InsertRecord, UseCase},
};

/// See [`InsertRecord`].
pub struct InsertRecordUseCase {
    branches: BranchResolver,
}

impl InsertRecordUseCase {
    /// Over the branches of a resolver.
    pub fn new(branches: BranchResolver) -> Self {
        Self { branches }
    }
}

#[async_trait]
impl UseCase<InsertRecord> for InsertRecordUseCase {
    async fn run(&self, caller: &Caller, command: InsertRecord) -> Result<Written, Failure> {
        let mut session = self.branches.open(caller, &command.branch, Access::Write).await?;
        session.insert(&command.insert).await
    }
}
