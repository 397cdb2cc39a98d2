//! One table with all that is needed to ask for its rows.

use crate::{foreign_text::comment, room::Room};
use domain::catalogue::{Column, RelationKind, Relationship};
use ports::driving::TableDescription;
use serde::Serialize;

/// A table as a caller may use it.
#[derive(Debug, Serialize)]
pub(crate) struct TableDetail {
    name: String,
    kind: RelationKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_rows: Option<u64>,
    row_security: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    read_only: bool,
    columns: Vec<ColumnDetail>,
    primary_key: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unique_keys: Vec<Vec<String>>,
    relationships: Vec<RelationshipDetail>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct ColumnDetail {
    name: String,
    r#type: String,
    nullable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    generated: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    r#enum: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Debug, Serialize)]
struct RelationshipDetail {
    cardinality: &'static str,
    columns: Vec<String>,
    references: String,
    /// The junction of a many-to-many.
    #[serde(skip_serializing_if = "Option::is_none")]
    through: Option<String>,
    /// What to write in `select` to get the related rows.
    embed: String,
}

impl TableDetail {
    /// What is shown of a description in so many bytes: the key and the columns first, for without them no row is asked for.
    pub(crate) fn of(description: TableDescription, max_bytes: u64) -> Self {
        let TableDescription { relation, relationships, foreign_keys: _ } = description;
        let mut room = Room::of(max_bytes);
        let (primary_key, whole_key) = room.hold(relation.primary_key);
        let (columns, all_columns) = room.hold(relation.columns.into_iter().map(ColumnDetail::of));
        let (unique_keys, all_keys) = room.hold(relation.unique_keys);
        let (relationships, all_relationships) = room.hold(relationships.into_iter().map(RelationshipDetail::of));
        Self {
            relationships,
            truncated: !(whole_key && all_columns && all_keys && all_relationships),
            name: relation.name.to_string(),
            kind: relation.kind,
            comment: relation.comment.as_deref().map(comment),
            estimated_rows: relation.estimated_rows,
            row_security: relation.row_security,
            read_only: !relation.writable,
            columns,
            primary_key,
            unique_keys,
        }
    }
}

impl ColumnDetail {
    fn of(column: Column) -> Self {
        Self {
            name: column.name,
            r#type: column.type_name,
            nullable: column.nullable,
            default: column.default.as_deref().map(comment),
            generated: column.generated,
            r#enum: column.enum_labels,
            comment: column.comment.as_deref().map(comment),
        }
    }
}

impl RelationshipDetail {
    fn of(relationship: Relationship) -> Self {
        Self {
            cardinality: relationship.cardinality,
            columns: relationship.columns,
            references: format!("{}({})", relationship.target, relationship.target_columns.join(",")),
            through: relationship.through.map(|junction| junction.to_string()),
            embed: format!("{}(*)", relationship.embed),
        }
    }
}
