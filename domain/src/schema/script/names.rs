//! Names that are in the way of others.

use crate::schema::{
    ExtensionMember, InvalidIndex, Kind, Object, SchemaSnapshot,
    sql::{Column, TableText, bare, ident, split, usual_not_null},
};
use std::collections::BTreeSet;

/// The space of names, the schema, the name.
pub(super) type TakenName = (&'static str, Option<String>, String);

/// The names that no other object may have beside this one and, of an extension, beside what that brings.
pub(super) fn names_with_members(snapshot: &SchemaSnapshot, object: &Object) -> Vec<TakenName> {
    let Some(address) = object.address.filter(|_| object.identity.kind == Kind::Extension) else { return taken_names(object) };
    let members = snapshot.facts.members.iter().filter(|member| member.extension == address.object);
    let space = |member: &ExtensionMember| if member.is_routine { Kind::Function } else { Kind::Table }.shares_names();
    members.filter_map(|member| Some((space(member)?, Some(member.schema.clone()), member.name.clone()))).collect()
}

/// The names that no other object may have beside this one.
pub(super) fn taken_names(object: &Object) -> Vec<TakenName> {
    let identity = &object.identity;
    let (kind, own) = match &identity.kind {
        // A key's index has its name.
        Kind::Constraint => (&Kind::Index, object.definition.split_once("ADD CONSTRAINT ").and_then(|(_, rest)| rest.split(' ').next())),
        kind => (kind, Some(identity.name.as_str())),
    };
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

/// The invalid index that has the name which an index or a key wants.
pub(super) fn invalid_index<'a>(target: &'a SchemaSnapshot, object: &Object) -> Option<&'a InvalidIndex> {
    let names = if matches!(object.identity.kind, Kind::Index | Kind::Constraint) { taken_names(object) } else { Vec::new() };
    let is_it = |index: &&InvalidIndex| names.iter().any(|(_, schema, own)| (schema.as_ref(), own) == (Some(&index.schema), &index.name));
    target.facts.invalid_indexes.iter().find(is_it)
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

/// A column's NOT NULL by its usual name, where nothing else is said. From PostgreSQL 18 on it is a constraint with a name, and gets another than usual
/// where a table that was renamed has that still: then it has to be asked for.
pub(super) fn named_not_null(table: &str, column: &Column, taken: &BTreeSet<String>) -> Option<String> {
    let said = column.not_null.as_deref().filter(|said| *said == "NOT NULL")?;
    let usual = usual_not_null(table, &column.name).filter(|name| taken.contains(name))?;
    Some(format!("CONSTRAINT {} {said}", ident(&usual)))
}
