//! Tables, views, columns and the foreign keys between them.

use crate::{access::Role, table::QualifiedName};
use serde::Serialize;

/// What kind of relation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// An ordinary table.
    Table,
    /// A partitioned table.
    PartitionedTable,
    /// A view.
    View,
    /// A materialised view.
    MaterializedView,
    /// A foreign table.
    ForeignTable,
}

/// A table, a view or another thing with rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// `pg_class.oid`.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// What kind.
    pub kind: RelationKind,
    /// Its columns, in order; system columns are not among them.
    pub columns: Vec<Column>,
    /// The primary key's columns, in key order; empty without one. Of a view those of the primary keys that it shows, which need not be unique there.
    pub primary_key: Vec<String>,
    /// Other sets of columns that are unique together.
    pub unique_keys: Vec<Vec<String>>,
    /// Whether row level security is on.
    pub row_security: bool,
    /// `COMMENT ON`, where there is one.
    pub comment: Option<String>,
    /// For views: the tables and views it reads, straight or through other views.
    pub reads: Vec<QualifiedName>,
    /// Whether rows can be written at all: a view that PostgreSQL does not make updatable takes none.
    pub writable: bool,
    /// The roles of user and service traffic that have any right on it or on one of its columns.
    pub visible_to: Vec<Role>,
    /// Estimated number of rows (`pg_class.reltuples`); `None` before the first ANALYZE.
    pub estimated_rows: Option<u64>,
}

impl Relation {
    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns that a role has some right on.
    pub fn columns_of(&self, role: Role) -> impl Iterator<Item = &Column> + Clone {
        self.columns.iter().filter(move |column| !column.hidden_from.contains(&role))
    }

    /// Whether a role has some right on each of these columns.
    pub fn shows(&self, role: Role, columns: &[String]) -> bool {
        columns.iter().all(|name| self.columns_of(role).any(|column| column.name == *name))
    }

    /// Whether these columns, in any order, identify one row.
    pub fn is_unique_key(&self, columns: &[String]) -> bool {
        let same = |key: &[String]| key.len() == columns.len() && key.iter().all(|column| columns.contains(column));
        same(&self.primary_key) || self.unique_keys.iter().any(|key| same(key))
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as `format_type` writes it: `character varying(20)`, `timestamp with time zone`, `public.mood`.
    pub type_name: String,
    /// The type without modifier, as a cast writes it.
    pub base_type: String,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// The default expression, as text.
    pub default: Option<String>,
    /// Whether PostgreSQL computes it: `generated always as (..) stored`, or `generated always as identity`.
    pub generated: bool,
    /// The labels of an enum type, in order; else empty.
    pub enum_labels: Vec<String>,
    /// `COMMENT ON COLUMN`, where there is one.
    pub comment: Option<String>,
    /// The roles that may use the relation, but have no right on this column.
    pub hidden_from: Vec<Role>,
}

/// A foreign key between two exposed relations: tables, or views that show its columns, each by the names that they have there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: String,
    /// The referencing table.
    pub origin: QualifiedName,
    /// The referencing columns.
    pub columns: Vec<String>,
    /// The referenced table.
    pub target: QualifiedName,
    /// The referenced columns, in the same order.
    pub target_columns: Vec<String>,
    /// Whether the referencing columns are unique together: then it is one-to-one.
    pub unique: bool,
}

impl ForeignKey {
    /// The tables that it connects, each with its columns: the referencing one, then the referenced one.
    pub fn ends(&self) -> [(&QualifiedName, &[String]); 2] {
        [(&self.origin, &self.columns), (&self.target, &self.target_columns)]
    }
}
