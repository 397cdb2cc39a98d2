//! Describe one table or view.

use super::visibility::visible;
use crate::routing::BranchResolver;
use async_trait::async_trait;
use domain::{Access, Caller, Denied, Failure, table::QualifiedName};
use ports::driving::{DescribeTable, TableDescription, UseCase};

/// See [`DescribeTable`].
pub struct DescribeTableUseCase {
    branches: BranchResolver,
}

impl DescribeTableUseCase {
    /// Over the branches of a resolver.
    pub fn new(branches: BranchResolver) -> Self {
        Self { branches }
    }
}

#[async_trait]
impl UseCase<DescribeTable> for DescribeTableUseCase {
    async fn run(&self, caller: &Caller, command: DescribeTable) -> Result<TableDescription, Failure> {
        let mut session = self.branches.open(caller, &command.branch, Access::Read).await?;
        let catalogue = session.catalogue().await?;
        let missing = || Failure::not_found("table", command.table.to_string());
        let relation = catalogue.find(command.table.schema.as_deref(), &command.table.name).ok_or_else(missing)?;
        if !visible(&caller.principal, relation) {
            // A key's list is its holder's own business, so it is told; a role that has no right at all learns nothing of the table's existence.
            let by_list = caller.principal.restrictions.tables.is_some() && relation.visible_to.contains(&caller.principal.role);
            return Err(if by_list { Denied::Table { table: relation.name.to_string() }.into() } else { missing() });
        }
        let usable = |name: &QualifiedName| catalogue.get(name).is_some_and(|other| visible(&caller.principal, other));
        let foreign_keys = catalogue.foreign_keys_of(&relation.name).filter(|key| usable(&key.origin) && usable(&key.target)).cloned().collect();
        let relationships = catalogue.relationships(relation, usable);
        let mut relation = relation.clone();
        relation.columns.retain(|column| !column.hidden_from.contains(&caller.principal.role));
        Ok(TableDescription { relation, foreign_keys, relationships })
    }
}
