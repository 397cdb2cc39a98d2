//! List tables and views.

use super::visibility::visible;
use crate::routing::BranchResolver;
use async_trait::async_trait;
use domain::{Access, Caller, Failure};
use ports::driving::{ListTables, TableList, UseCase};

/// See [`ListTables`].
pub struct ListTablesUseCase {
    branches: BranchResolver,
}

impl ListTablesUseCase {
    /// Over the branches of a resolver.
    pub fn new(branches: BranchResolver) -> Self {
        Self { branches }
    }
}

#[async_trait]
impl UseCase<ListTables> for ListTablesUseCase {
    async fn run(&self, caller: &Caller, command: ListTables) -> Result<TableList, Failure> {
        let mut session = self.branches.open(caller, &command.branch, Access::Read).await?;
        let catalogue = session.catalogue().await?;
        if let Some(schema) = &command.schema
            && !catalogue.exposed().contains(schema)
        {
            return Err(Failure::not_found("exposed schema", schema));
        }
        let names = catalogue
            .relations()
            .filter(|relation| command.schema.as_ref().is_none_or(|schema| relation.name.schema == *schema))
            .filter(|relation| visible(&caller.principal, relation))
            .map(|relation| relation.name.clone())
            .collect();
        Ok(TableList { catalogue, names, role: caller.principal.role })
    }
}
