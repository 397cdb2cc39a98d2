//! Tables and views in JSON.

use super::TableNameDocument;
use domain::catalogue::{Column, ForeignKey, Relation, RelationKind};
use poem_openapi::Object;
use ports::driving::{TableDescription, TableList};

/// A table or view, in short.
#[derive(Object)]
#[oai(rename = "Table")]
pub(crate) struct TableDocument {
    /// Schema.
    pub(crate) schema: String,
    /// Name within it.
    pub(crate) name: String,
    /// `table`, `partitioned_table`, `view`, `materialized_view` or `foreign_table`.
    pub(crate) kind: String,
    /// What its owner says about it.
    #[oai(nullable)]
    pub(crate) comment: Option<String>,
    /// The names of its columns, in order.
    pub(crate) columns: Vec<String>,
    /// The primary key's columns, in key order; of a view those that show the keys of the tables it reads. Empty as well where the caller has no right
    /// on one of them.
    pub(crate) primary_key: Vec<String>,
    /// Whether rows can be written at all.
    pub(crate) writable: bool,
    /// Estimated number of rows; null where PostgreSQL has not looked yet, and where row level security may hide some.
    #[oai(nullable)]
    pub(crate) estimated_rows: Option<u64>,
}

/// A table or view with its columns and relationships.
#[derive(Object)]
#[oai(rename = "TableDescription")]
pub(crate) struct TableDescriptionDocument {
    /// Schema.
    pub(crate) schema: String,
    /// Name within it.
    pub(crate) name: String,
    /// `table`, `partitioned_table`, `view`, `materialized_view` or `foreign_table`.
    pub(crate) kind: String,
    /// What its owner says about it.
    #[oai(nullable)]
    pub(crate) comment: Option<String>,
    /// Its columns, in order.
    pub(crate) columns: Vec<ColumnDocument>,
    /// The primary key's columns, in key order; of a view those that show the keys of the tables it reads. Empty as well where the caller has no right
    /// on one of them.
    pub(crate) primary_key: Vec<String>,
    /// Other sets of columns that are unique together.
    pub(crate) unique_keys: Vec<Vec<String>>,
    /// The foreign keys that begin or end at it: what `select` can embed.
    pub(crate) foreign_keys: Vec<ForeignKeyDocument>,
    /// Whether row level security is on.
    pub(crate) row_security: bool,
    /// Whether rows can be written at all.
    pub(crate) writable: bool,
    /// Estimated number of rows; null where PostgreSQL has not looked yet, and where row level security may hide some.
    #[oai(nullable)]
    pub(crate) estimated_rows: Option<u64>,
}

/// A column.
#[derive(Object)]
#[oai(rename = "Column")]
pub(crate) struct ColumnDocument {
    /// Its name.
    pub(crate) name: String,
    /// Its type, as PostgreSQL writes it.
    #[oai(rename = "type")]
    pub(crate) type_name: String,
    /// Whether NULL is allowed.
    pub(crate) nullable: bool,
    /// The default expression.
    #[oai(nullable)]
    pub(crate) default: Option<String>,
    /// Whether PostgreSQL computes it, so that it cannot be written.
    pub(crate) generated: bool,
    /// The labels of an enum type, in order; null for other types.
    #[oai(nullable)]
    pub(crate) enum_labels: Option<Vec<String>>,
    /// What its owner says about it.
    #[oai(nullable)]
    pub(crate) comment: Option<String>,
}

/// A foreign key.
#[derive(Object)]
#[oai(rename = "ForeignKey")]
pub(crate) struct ForeignKeyDocument {
    /// The constraint's name: what `!hint` takes, as well as a column's name; where a view shows a table twice, only the latter tells its keys apart.
    pub(crate) name: String,
    /// The referencing table.
    pub(crate) origin: TableNameDocument,
    /// The referencing columns.
    pub(crate) columns: Vec<String>,
    /// The referenced table.
    pub(crate) target: TableNameDocument,
    /// The referenced columns, in the same order.
    pub(crate) target_columns: Vec<String>,
    /// Whether the referencing columns are unique together: then it is one-to-one.
    pub(crate) unique: bool,
}

const fn kind_name(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table => "table",
        RelationKind::PartitionedTable => "partitioned_table",
        RelationKind::View => "view",
        RelationKind::MaterializedView => "materialized_view",
        RelationKind::ForeignTable => "foreign_table",
    }
}

impl TableDocument {
    /// The tables of a list.
    pub(crate) fn list(list: &TableList) -> Vec<Self> {
        list.relations().map(Self::of).collect()
    }

    fn of(relation: Relation) -> Self {
        Self {
            schema: relation.name.schema,
            name: relation.name.name,
            kind: kind_name(relation.kind).to_owned(),
            comment: relation.comment,
            columns: relation.columns.into_iter().map(|column| column.name).collect(),
            primary_key: relation.primary_key,
            writable: relation.writable,
            estimated_rows: relation.estimated_rows,
        }
    }
}

impl From<TableDescription> for TableDescriptionDocument {
    fn from(description: TableDescription) -> Self {
        let relation = description.relation;
        Self {
            schema: relation.name.schema,
            name: relation.name.name,
            kind: kind_name(relation.kind).to_owned(),
            comment: relation.comment,
            columns: relation.columns.into_iter().map(Into::into).collect(),
            primary_key: relation.primary_key,
            unique_keys: relation.unique_keys,
            foreign_keys: description.foreign_keys.into_iter().map(Into::into).collect(),
            row_security: relation.row_security,
            writable: relation.writable,
            estimated_rows: relation.estimated_rows,
        }
    }
}

impl From<Column> for ColumnDocument {
    fn from(column: Column) -> Self {
        Self {
            name: column.name,
            type_name: column.type_name,
            nullable: column.nullable,
            default: column.default,
            generated: column.generated,
            enum_labels: Some(column.enum_labels).filter(|labels| !labels.is_empty()),
            comment: column.comment,
        }
    }
}

impl From<ForeignKey> for ForeignKeyDocument {
    fn from(key: ForeignKey) -> Self {
        Self {
            name: key.name,
            origin: key.origin.into(),
            columns: key.columns,
            target: key.target.into(),
            target_columns: key.target_columns,
            unique: key.unique,
        }
    }
}
