//! Read rows.

use crate::routing::BranchResolver;
use async_trait::async_trait;
use domain::{Access, Caller, Failure};
use ports::{
    driven::Rows,
    driving::{QueryTable, UseCase},
};

/// See [`QueryTable`].
pub struct QueryTableUseCase {
    branches: BranchResolver,
}

impl QueryTableUseCase {
    /// Over the branches of a resolver.
    pub fn new(branches: BranchResolver) -> Self {
        Self { branches }
    }
}

#[async_trait]
impl UseCase<QueryTable> for QueryTableUseCase {
    async fn run(&self, caller: &Caller, command: QueryTable) -> Result<Rows, Failure> {
        let mut session = self.branches.open(caller, &command.branch, Access::Read).await?;
        session.select(&command.select).await
    }
}
