//! One table with all that is needed to ask for its rows.

use super::comment;
use domain::{
    catalogue::{Column, ForeignKey, RelationKind},
    table::QualifiedName,
};
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
    relationships: Vec<Relationship>,
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
struct Relationship {
    cardinality: &'static str,
    columns: Vec<String>,
    references: String,
    /// What to write in `select` to get the related rows.
    embed: String,
}

impl TableDetail {
    /// What is shown of a description.
    pub(crate) fn of(description: TableDescription) -> Self {
        let TableDescription { relation, foreign_keys } = description;
        Self {
            relationships: relationships(&relation.name, &foreign_keys),
            name: relation.name.to_string(),
            kind: relation.kind,
            comment: relation.comment.as_deref().map(comment::shown),
            estimated_rows: relation.estimated_rows,
            row_security: relation.row_security,
            read_only: !relation.writable,
            columns: relation.columns.into_iter().map(ColumnDetail::of).collect(),
            primary_key: relation.primary_key,
            unique_keys: relation.unique_keys,
        }
    }
}

impl ColumnDetail {
    fn of(column: Column) -> Self {
        Self {
            name: column.name,
            r#type: column.type_name,
            nullable: column.nullable,
            default: column.default.as_deref().map(comment::shown),
            generated: column.generated,
            r#enum: column.enum_labels,
            comment: column.comment.as_deref().map(comment::shown),
        }
    }
}

/// One end of a foreign key, as seen from a table.
struct End<'a> {
    key: &'a ForeignKey,
    other: &'a QualifiedName,
    columns: &'a [String],
    other_columns: &'a [String],
    cardinality: &'static str,
}

fn relationships(table: &QualifiedName, foreign_keys: &[ForeignKey]) -> Vec<Relationship> {
    let ends: Vec<End<'_>> = foreign_keys.iter().flat_map(|key| ends(table, key)).collect();
    ends.iter().map(|end| end.relationship(ends.iter().filter(|other| other.other.name == end.other.name).count() > 1)).collect()
}

fn ends<'a>(table: &QualifiedName, key: &'a ForeignKey) -> impl Iterator<Item = End<'a>> {
    let one_or_many = |many| if key.unique { "one-to-one" } else { many };
    let outward = End { key, other: &key.target, columns: &key.columns, other_columns: &key.target_columns, cardinality: one_or_many("many-to-one") };
    let inward = End { key, other: &key.origin, columns: &key.target_columns, other_columns: &key.columns, cardinality: one_or_many("one-to-many") };
    let (begins_here, ends_here) = (key.origin == *table, key.target == *table);
    [begins_here.then_some(outward), ends_here.then_some(inward)].into_iter().flatten()
}

impl End<'_> {
    fn relationship(&self, ambiguous: bool) -> Relationship {
        let hint = if ambiguous { format!("!{}", self.key.name) } else { String::new() };
        Relationship {
            cardinality: self.cardinality,
            columns: self.columns.to_vec(),
            references: format!("{}({})", self.other, self.other_columns.join(",")),
            embed: format!("{}{hint}(*)", self.other.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::relationships;
    use domain::{catalogue::ForeignKey, table::QualifiedName};

    fn key(name: &str, origin: &str, column: &str, target: &str, unique: bool) -> ForeignKey {
        ForeignKey {
            name: name.into(),
            origin: QualifiedName::new("public", origin),
            columns: vec![column.into()],
            target: QualifiedName::new("public", target),
            target_columns: vec!["id".into()],
            unique,
        }
    }

    #[test]
    fn both_directions_say_how_to_embed() {
        let keys = [
            key("posts_author_fkey", "posts", "author_id", "users", false),
            key("comments_post_fkey", "comments", "post_id", "posts", false),
            key("drafts_post_fkey", "drafts", "post_id", "posts", true),
        ];
        let told: Vec<_> = relationships(&QualifiedName::new("public", "posts"), &keys)
            .into_iter()
            .map(|r| format!("{} {} -> {} as {}", r.cardinality, r.columns.join(","), r.references, r.embed))
            .collect();
        assert_eq!(
            told,
            [
                "many-to-one author_id -> public.users(id) as users(*)",
                "one-to-many id -> public.comments(post_id) as comments(*)",
                "one-to-one id -> public.drafts(post_id) as drafts(*)",
            ]
        );
    }

    #[test]
    fn two_ways_to_one_table_need_the_key_named() {
        let keys = [key("orders_buyer", "orders", "buyer_id", "users", false), key("orders_seller", "orders", "seller_id", "users", false)];
        let embeds: Vec<_> = relationships(&QualifiedName::new("public", "orders"), &keys).into_iter().map(|r| r.embed).collect();
        assert_eq!(embeds, ["users!orders_buyer(*)", "users!orders_seller(*)"]);
    }
}
