//! Names that are in the way of others.

use crate::schema::{
    Kind, Object, SchemaSnapshot,
    sql::{TableText, bare, split},
};
use std::collections::BTreeSet;

/// The names that no other object may have beside this one: the space of names, the schema, the name.
pub(super) fn taken_names(object: &Object) -> Vec<(&'static str, Option<String>, String)> {
    let identity = &object.identity;
    let own = match identity.kind {
        // A key's index has its name.
        Kind::Constraint => object.definition.split_once("ADD CONSTRAINT ").and_then(|(_, rest)| rest.split(' ').next()),
        _ => Some(identity.name.as_str()),
    };
    let kind = if identity.kind == Kind::Constraint { &Kind::Index } else { &identity.kind };
    let Some((space, own)) = kind.shares_names().zip(own) else { return Vec::new() };
    let mut names = vec![(space, identity.schema.clone(), bare(own))];
    // A range type has another one made with it.
    if let Some((_, rest)) = object.definition.split_once("multirange_type_name = ").filter(|_| identity.kind == Kind::Type)
        && let [schema, name] = split(rest.lines().next().unwrap_or_default().trim_end_matches(','), '.')[..]
    {
        names.push((space, Some(bare(schema)), bare(name)));
    }
    names
}

/// Names of NOT NULL constraints that stand in definitions: those that are not the usual ones.
pub(super) fn not_null_names(snapshot: &SchemaSnapshot) -> BTreeSet<String> {
    // Before 18 they have none.
    if snapshot.facts.server_major < 18 {
        return BTreeSet::new();
    }
    let tables = snapshot.map.objects().iter().filter(|object| object.identity.kind == Kind::Table && object.definition.contains(" CONSTRAINT "));
    let columns = tables.filter_map(|object| TableText::read(&object.definition)).flat_map(|table| table.columns);
    let name = |not_null: String| Some(bare(not_null.strip_prefix("CONSTRAINT ")?.split(" NOT NULL").next()?.trim()));
    columns.filter_map(|column| name(column.not_null?)).collect()
}
