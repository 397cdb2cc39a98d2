//! The catalogue as the query's JSON has it.

use domain::{
    access::Role,
    catalogue::{Catalogue, Column, ForeignKey, Relation, RelationKind},
    table::QualifiedName,
};
use serde::{Deserialize, de};

#[derive(Deserialize)]
struct Rows(Vec<RelationRow>, Vec<ForeignKeyRow>);

#[derive(Deserialize)]
struct RelationRow(
    u32,
    String,
    String,
    KindRow,
    bool,
    Option<String>,
    bool,
    Vec<u8>,
    Option<u64>,
    Vec<ColumnRow>,
    Vec<String>,
    Vec<Vec<String>>,
    Vec<(String, String)>,
);

#[derive(Deserialize)]
struct ColumnRow(String, String, String, bool, Option<String>, bool, Vec<String>, Option<String>, Vec<u8>);

#[derive(Deserialize)]
struct ForeignKeyRow(String, String, String, Vec<String>, String, String, Vec<String>, bool);

#[derive(Deserialize)]
enum KindRow {
    #[serde(rename = "r")]
    Table,
    #[serde(rename = "p")]
    PartitionedTable,
    #[serde(rename = "v")]
    View,
    #[serde(rename = "m")]
    MaterializedView,
    #[serde(rename = "f")]
    ForeignTable,
}

/// In the order in which the query is given their names.
const ROLES: [Role; 3] = [Role::Anon, Role::Authenticated, Role::Service];

/// Reads the query's second column.
pub(super) fn parse(json: &[u8], exposed: &[String]) -> Result<Catalogue, serde_json::Error> {
    let Rows(relations, foreign_keys) = serde_json::from_slice(json)?;
    let relations = relations.into_iter().map(RelationRow::relation).collect::<Result<Vec<_>, _>>()?;
    let foreign_keys = foreign_keys.into_iter().map(ForeignKeyRow::foreign_key).collect();
    Ok(Catalogue::new(relations, foreign_keys, exposed.to_vec()))
}

/// Roles by their places in [`ROLES`].
fn roles(places: Vec<u8>) -> Result<Vec<Role>, serde_json::Error> {
    let role = |place: u8| ROLES.get(usize::from(place)).copied().ok_or_else(|| de::Error::custom("a role that was not asked for"));
    places.into_iter().map(role).collect()
}

impl RelationRow {
    fn relation(self) -> Result<Relation, serde_json::Error> {
        let Self(oid, schema, name, kind, row_security, comment, writable, visible_to, estimated_rows, columns, primary_key, unique_keys, reads) =
            self;
        Ok(Relation {
            oid,
            name: QualifiedName::new(schema, name),
            kind: kind.kind(),
            columns: columns.into_iter().map(ColumnRow::column).collect::<Result<_, _>>()?,
            primary_key,
            unique_keys,
            row_security,
            comment,
            reads: reads.into_iter().map(|(schema, name)| QualifiedName::new(schema, name)).collect(),
            writable,
            visible_to: roles(visible_to)?,
            estimated_rows,
        })
    }
}

impl ColumnRow {
    fn column(self) -> Result<Column, serde_json::Error> {
        let Self(name, type_name, base_type, nullable, default, generated, enum_labels, comment, hidden_from) = self;
        let hidden_from = roles(hidden_from)?;
        Ok(Column { name, type_name, base_type, nullable, default, generated, enum_labels, comment, hidden_from })
    }
}

impl ForeignKeyRow {
    fn foreign_key(self) -> ForeignKey {
        let Self(name, schema, table, columns, target_schema, target_table, target_columns, unique) = self;
        ForeignKey {
            name,
            origin: QualifiedName::new(schema, table),
            columns,
            target: QualifiedName::new(target_schema, target_table),
            target_columns,
            unique,
        }
    }
}

impl KindRow {
    fn kind(self) -> RelationKind {
        match self {
            Self::Table => RelationKind::Table,
            Self::PartitionedTable => RelationKind::PartitionedTable,
            Self::View => RelationKind::View,
            Self::MaterializedView => RelationKind::MaterializedView,
            Self::ForeignTable => RelationKind::ForeignTable,
        }
    }
}
