//! Describe one table or view.

use super::visibility::visible;
use crate::routing::BranchResolver;
use async_trait::async_trait;
use domain::{
    Access, Caller, Denied, Failure,
    catalogue::{ForeignKey, Relation},
};
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
        let role = caller.principal.role;
        let usable = |key: &ForeignKey| {
            let shown = |other: &Relation, columns: &[String]| visible(&caller.principal, other) && other.shows(role, columns);
            key.ends().into_iter().all(|(name, columns)| catalogue.get(name).is_some_and(|other| shown(other, columns)))
        };
        let foreign_keys = catalogue.foreign_keys_of(&relation.name).filter(|key| usable(key)).cloned().collect();
        Ok(TableDescription { relation: catalogue.told(relation, role), foreign_keys, relationships: catalogue.relationships(relation, usable) })
    }
}

#[cfg(test)]
mod tests {
    use super::DescribeTableUseCase;
    use crate::{
        routing::BranchResolver,
        testing::{acquaintances, caller, main_branch, names},
    };
    use domain::{
        Role, Scope,
        branch::BranchMentions,
        catalogue::{Catalogue, Column, ForeignKey, Relation, RelationKind},
        table::{QualifiedName, TableName},
    };
    use ports::{
        driven::{MockBranchDatabases, MockBranchDirectory, MockBranchSession},
        driving::{DescribeTable, TableDescription, UseCase},
    };
    use std::sync::Arc;

    /// A table that has an id and these columns; those that begin with `secret` are hidden.
    fn table(name: &str, columns: &[&str]) -> Relation {
        let column = |name: &&str| Column {
            name: (*name).to_owned(),
            type_name: "integer".to_owned(),
            base_type: "integer".to_owned(),
            nullable: false,
            default: None,
            generated: false,
            enum_labels: Vec::new(),
            comment: None,
            hidden_from: if name.starts_with("secret") { vec![Role::Authenticated] } else { Vec::new() },
        };
        Relation {
            oid: 1,
            name: QualifiedName::new("public", name),
            kind: RelationKind::Table,
            columns: std::iter::once(&"id").chain(columns).map(column).collect(),
            primary_key: vec!["id".to_owned()],
            unique_keys: Vec::new(),
            row_security: false,
            comment: None,
            reads: Vec::new(),
            writable: true,
            visible_to: vec![Role::Authenticated],
            estimated_rows: Some(3),
        }
    }

    fn key(origin: &str, column: &str, target: &str) -> ForeignKey {
        ForeignKey {
            name: format!("{origin}_{column}_fkey"),
            origin: QualifiedName::new("public", origin),
            columns: vec![column.to_owned()],
            target: QualifiedName::new("public", target),
            target_columns: vec!["id".to_owned()],
            unique: false,
        }
    }

    async fn described(catalogue: Catalogue, table: &str) -> TableDescription {
        let (mut directory, mut databases) = (MockBranchDirectory::new(), MockBranchDatabases::new());
        directory.expect_find().returning(|_| Ok(Some(Arc::new(main_branch()))));
        let catalogue = Arc::new(catalogue);
        databases.expect_open().returning(move |_| {
            let (mut session, catalogue) = (MockBranchSession::new(), catalogue.clone());
            session.expect_catalogue().returning(move || Ok(catalogue.clone()));
            Ok(Box::new(session))
        });
        let branches = BranchResolver::new(Arc::new(directory), Arc::new(databases), names(), acquaintances());
        let command = DescribeTable { branch: BranchMentions::NONE, table: TableName::parse(table) };
        DescribeTableUseCase::new(branches).run(&caller(Some(1), [Scope::ReadTables]), command).await.unwrap()
    }

    #[tokio::test]
    async fn foreign_keys_and_relationships_by_a_hidden_column_are_not_told() {
        let junction =
            Relation { primary_key: vec!["staff_id".to_owned(), "secret_team".to_owned()], ..table("members", &["staff_id", "secret_team"]) };
        let tables = [table("staff", &["boss_id", "secret_rival"]), table("teams", &[]), junction];
        let keys = vec![
            key("staff", "boss_id", "staff"),
            key("staff", "secret_rival", "staff"),
            key("members", "staff_id", "staff"),
            key("members", "secret_team", "teams"),
        ];
        let told = described(Catalogue::new(tables, keys, vec!["public".to_owned()]), "staff").await;
        let keys: Vec<_> = told.foreign_keys.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(keys, ["staff_boss_id_fkey", "members_staff_id_fkey"]);
        assert!(!format!("{told:?}").contains("secret"), "{told:?}");
        assert!(told.relationships.iter().any(|way| way.embed == "members"), "{told:?}");
    }

    #[tokio::test]
    async fn nobody_is_told_how_many_rows_of_others_there_are() {
        let own = Relation { row_security: true, ..table("own", &[]) };
        let catalogue = Catalogue::new([own, table("open", &[])], Vec::new(), vec!["public".to_owned()]);
        assert_eq!(described(catalogue.clone(), "own").await.relation.estimated_rows, None);
        assert_eq!(described(catalogue, "open").await.relation.estimated_rows, Some(3));
    }
}
