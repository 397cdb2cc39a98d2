//! Commands on the rows and definitions of a branch's tables.

use super::Command;
use crate::driven::{Rows, Written};
use domain::{
    Action,
    access::Role,
    branch::BranchMentions,
    catalogue::{Catalogue, ForeignKey, Relation, Relationship},
    table::{Delete, Insert, QualifiedName, Select, TableName, Update},
};
use std::sync::Arc;

macro_rules! on_rows {
    ($(#[$doc:meta])* $name:ident($field:ident: $request:ty) -> $output:ty) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            /// The branches that the request named.
            pub branch: BranchMentions,
            /// What is asked of the table.
            pub $field: $request,
        }

        impl Command for $name {
            const ACTION: Action = Action::$name;
            type Output = $output;

            fn branch(&self) -> Option<&BranchMentions> {
                Some(&self.branch)
            }

            fn branch_mut(&mut self) -> Option<&mut BranchMentions> {
                Some(&mut self.branch)
            }

            fn target(&self) -> Option<String> {
                Some(self.$field.table.to_string())
            }
        }
    };
}

on_rows! {
    /// Read rows.
    QueryTable(select: Select) -> Rows
}
on_rows! {
    /// Insert rows.
    InsertRecord(insert: Insert) -> Written
}
on_rows! {
    /// Change rows.
    UpdateRecord(update: Update) -> Written
}
on_rows! {
    /// Delete rows.
    DeleteRecord(delete: Delete) -> Written
}

/// List the tables and views that the caller may use.
#[derive(Clone, Debug)]
pub struct ListTables {
    /// The branches that the request named.
    pub branch: BranchMentions,
    /// Only this schema's.
    pub schema: Option<String>,
}

/// What the caller may use of a catalogue.
#[derive(Clone, Debug)]
pub struct TableList {
    /// The catalogue.
    pub catalogue: Arc<Catalogue>,
    /// The names in it that the caller may use, in order.
    pub names: Vec<QualifiedName>,
    /// The caller's role: what is hidden from it is not to be told.
    pub role: Role,
}

impl TableList {
    /// The tables, in order, as the caller may be told of them.
    pub fn relations(&self) -> impl Iterator<Item = Relation> {
        self.names.iter().filter_map(|name| self.catalogue.get(name)).map(|relation| self.catalogue.told(relation, self.role))
    }
}

impl Command for ListTables {
    const ACTION: Action = Action::ListTables;
    type Output = TableList;

    fn branch(&self) -> Option<&BranchMentions> {
        Some(&self.branch)
    }

    fn branch_mut(&mut self) -> Option<&mut BranchMentions> {
        Some(&mut self.branch)
    }
}

/// Describe one table or view.
#[derive(Clone, Debug)]
pub struct DescribeTable {
    /// The branches that the request named.
    pub branch: BranchMentions,
    /// Which.
    pub table: TableName,
}

/// A table with its relationships, as far as the caller may use them.
#[derive(Clone, Debug)]
pub struct TableDescription {
    /// The table, as the caller may be told of it.
    pub relation: Relation,
    /// The foreign keys that begin or end at it and whose other end, with all of the key's columns, the caller may use too.
    pub foreign_keys: Vec<ForeignKey>,
    /// What its rows can embed, through junctions too, as far as the caller may use all of the way.
    pub relationships: Vec<Relationship>,
}

impl Command for DescribeTable {
    const ACTION: Action = Action::DescribeTable;
    type Output = TableDescription;

    fn branch(&self) -> Option<&BranchMentions> {
        Some(&self.branch)
    }

    fn branch_mut(&mut self) -> Option<&mut BranchMentions> {
        Some(&mut self.branch)
    }

    fn target(&self) -> Option<String> {
        Some(self.table.to_string())
    }
}
