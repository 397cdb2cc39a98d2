//! What of a relation a role is told.

use super::{Catalogue, Relation};
use crate::access::Role;

impl Catalogue {
    /// A relation without what a role is not told: columns that it has no right on, keys that name one, and, where policies may hide rows from it, a
    /// number of rows, which counts everybody's.
    pub fn told(&self, relation: &Relation, role: Role) -> Relation {
        let mut told = relation.clone();
        told.columns.retain(|column| !column.hidden_from.contains(&role));
        if !told.shows(role, &relation.primary_key) {
            told.primary_key.clear();
        }
        told.unique_keys.retain(|key| relation.shows(role, key));
        told.estimated_rows = relation.estimated_rows.filter(|_| role == Role::Service || !self.may_hide_rows(relation));
        told
    }

    /// Whether policies may hide rows of a relation; of a view, those of the tables that it reads. What lies outside of the exposed schemas is not known.
    pub fn may_hide_rows(&self, relation: &Relation) -> bool {
        relation.row_security || relation.reads.iter().any(|name| self.get(name).is_none_or(|read| read.row_security))
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        access::Role,
        catalogue::{Catalogue, Column, Relation, RelationKind},
        table::QualifiedName,
    };

    fn column(name: &str, hidden_from: &[Role]) -> Column {
        Column {
            name: name.to_owned(),
            type_name: "integer".to_owned(),
            base_type: "integer".to_owned(),
            nullable: false,
            default: None,
            generated: false,
            enum_labels: Vec::new(),
            comment: None,
            hidden_from: hidden_from.to_vec(),
        }
    }

    fn table(name: &str, row_security: bool) -> Relation {
        Relation {
            oid: 1,
            name: QualifiedName::new("public", name),
            kind: RelationKind::Table,
            columns: vec![column("id", &[]), column("code", &[Role::Anon, Role::Authenticated]), column("label", &[])],
            primary_key: vec!["id".to_owned()],
            unique_keys: vec![vec!["label".to_owned(), "code".to_owned()], vec!["label".to_owned()]],
            row_security,
            comment: None,
            reads: Vec::new(),
            writable: true,
            visible_to: vec![Role::Authenticated, Role::Service],
            estimated_rows: Some(7),
        }
    }

    #[test]
    fn keys_that_name_a_hidden_column_are_not_told() {
        let (open, coded) = (table("open", false), Relation { primary_key: vec!["id".to_owned(), "code".to_owned()], ..table("coded", false) });
        let catalogue = Catalogue::new([open.clone(), coded.clone()], Vec::new(), Vec::new());
        let told = catalogue.told(&open, Role::Authenticated);
        assert_eq!(told.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["id", "label"]);
        assert_eq!((told.primary_key, told.unique_keys), (vec!["id".to_owned()], vec![vec!["label".to_owned()]]));
        assert!(catalogue.told(&coded, Role::Authenticated).primary_key.is_empty());
        for relation in [open, coded] {
            assert_eq!(catalogue.told(&relation, Role::Service), relation);
        }
    }

    #[test]
    fn where_policies_may_hide_rows_only_the_service_is_told_how_many_there_are() {
        let view = |name: &str, read: &str| Relation { reads: vec![QualifiedName::new("public", read)], ..table(name, false) };
        let relations = [table("open", false), table("own", true), view("of_open", "open"), view("of_own", "own"), view("of_unknown", "unknown")];
        let catalogue = Catalogue::new(relations.clone(), Vec::new(), Vec::new());
        let told: Vec<_> = relations.iter().map(|relation| catalogue.told(relation, Role::Authenticated).estimated_rows).collect();
        assert_eq!(told, [Some(7), None, Some(7), None, None]);
        assert!(relations.iter().all(|relation| catalogue.told(relation, Role::Service).estimated_rows == Some(7)));
    }
}
