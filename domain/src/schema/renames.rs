//! Removed and added objects that may be one and the same under another name. Offered, never assumed.

use super::{
    Change, Identity, Kind, Object, ObjectChange, SchemaSnapshot,
    sql::{TableText, TypeText, bare, ident},
};
use serde::Serialize;

/// A rename that would stand in the place of a drop and a making.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PossibleRename {
    /// What it is; `column` for columns, `enum_value` for labels of an enum.
    pub kind: String,
    /// Its name in the target.
    pub from: String,
    /// Its name in the source.
    pub to: String,
    /// The statement that renames it.
    pub sql: String,
}

pub(super) fn possible(target: &SchemaSnapshot, source: &SchemaSnapshot, changes: &[ObjectChange]) -> Vec<PossibleRename> {
    let of = |change: Change| changes.iter().filter(move |object| object.change == change);
    let mut found: Vec<PossibleRename> = of(Change::Removed)
        .flat_map(|old| of(Change::Added).map(move |new| (&old.object, &new.object)))
        .filter_map(|(old, new)| objects(target.map.find(old)?, source.map.find(new)?))
        .collect();
    found.extend(
        of(Change::Changed).filter(|change| change.kind == Kind::Table).filter_map(|change| columns(target, source, &change.object)).flatten(),
    );
    found
        .extend(of(Change::Changed).filter(|change| change.kind == Kind::Type).filter_map(|change| labels(target, source, &change.object)).flatten());
    found
}

/// Labels of an enum: those that went and those that came, in their order; each of these where they are not as many.
fn labels(target: &SchemaSnapshot, source: &SchemaSnapshot, enumeration: &Identity) -> Option<Vec<PossibleRename>> {
    let read = |snapshot: &SchemaSnapshot| match TypeText::read(&snapshot.map.find(enumeration)?.definition)? {
        TypeText::Enum { name, labels } => Some((name, labels)),
        _ => None,
    };
    let ((name, old), (_, new)) = (read(target)?, read(source)?);
    let gone: Vec<&String> = old.iter().filter(|label| !new.contains(label)).collect();
    let came: Vec<&String> = new.iter().filter(|label| !old.contains(label)).collect();
    let rename = |(from, to): (&String, &String)| PossibleRename {
        kind: "enum_value".to_owned(),
        from: format!("{}.{from}", enumeration.qualified()),
        to: format!("{}.{to}", enumeration.qualified()),
        sql: format!("ALTER TYPE {name} RENAME VALUE {from} TO {to}"),
    };
    Some(if gone.len() == came.len() {
        gone.into_iter().zip(came).map(rename).collect()
    } else {
        gone.into_iter().flat_map(|from| came.iter().map(move |to| (from, *to))).map(rename).collect()
    })
}

/// Objects whose definitions are one but for the name.
fn objects(old: &Object, new: &Object) -> Option<PossibleRename> {
    let (before, after) = (&old.identity, &new.identity);
    if before.kind != after.kind || before.schema != after.schema {
        return None;
    }
    let word = word(&before.kind)?;
    let (from, to) = (before.name.as_str(), after.name.as_str());
    if shape(old, from, to) != shape(new, from, to) {
        return None;
    }
    let schema = ident(before.schema.as_deref()?);
    let sql = format!("ALTER {word} {schema}.{} RENAME TO {}", ident(from), ident(to));
    Some(PossibleRename { kind: before.kind.name(), from: before.qualified(), to: after.qualified(), sql })
}

/// Of those whose name in a dump is all of their own: no words before it, no arguments behind it.
fn word(kind: &Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Table => "TABLE",
        Kind::View => "VIEW",
        Kind::MaterializedView => "MATERIALIZED VIEW",
        Kind::Sequence => "SEQUENCE",
        Kind::Index => "INDEX",
        Kind::Type => "TYPE",
        Kind::Domain => "DOMAIN",
        Kind::Statistics => "STATISTICS",
        Kind::Collation => "COLLATION",
        _ => return None,
    })
}

/// A definition without either name: what was named after the old one keeps that name as a rule.
fn shape(object: &Object, from: &str, to: &str) -> String {
    let (longer, shorter) = if from.len() > to.len() { (from, to) } else { (to, from) };
    let text = object.canonical().lines().map(without_name_of_not_null).collect::<Vec<_>>().join("\n");
    [longer, shorter].into_iter().fold(text, |text, name| text.replace(&ident(name), "?").replace(name, "?"))
}

/// A column's line without the name of its NOT NULL, which is told only where it is not the usual one: `a integer CONSTRAINT x NOT NULL`.
fn without_name_of_not_null(line: &str) -> String {
    match line.split_once(" CONSTRAINT ") {
        Some((column, rest)) if !column.trim().is_empty() => match rest.find(" NOT NULL") {
            Some(at) => format!("{column}{}", &rest[at..]),
            None => line.to_owned(),
        },
        _ => line.to_owned(),
    }
}

/// Columns of one table that differ in nothing but the name: one went and one came. A partition's are renamed with its parent's.
fn columns(target: &SchemaSnapshot, source: &SchemaSnapshot, table: &Identity) -> Option<Vec<PossibleRename>> {
    let place = target.map.place(table)?;
    if target.map.objects().iter().any(|object| object.identity.kind == Kind::TableAttach && object.requires.first() == Some(&place)) {
        return None;
    }
    let old = TableText::read(&target.map.objects()[place].definition)?;
    let new = TableText::read(&source.map.find(table)?.definition)?;
    let gone = old.columns.iter().filter(|column| new.column(&column.name).is_none());
    let alike = |before: &super::sql::Column| {
        new.columns.iter().filter(|after| old.column(&after.name).is_none() && after.described() == before.described()).cloned().collect::<Vec<_>>()
    };
    let rename = |before: &super::sql::Column, after: &super::sql::Column| PossibleRename {
        kind: "column".to_owned(),
        from: format!("{}.{}", table.qualified(), bare(&before.name)),
        to: format!("{}.{}", table.qualified(), bare(&after.name)),
        sql: format!("ALTER TABLE {} RENAME COLUMN {} TO {}", old.name, before.name, after.name),
    };
    Some(gone.flat_map(|before| alike(before).into_iter().map(|after| rename(before, &after)).collect::<Vec<_>>()).collect())
}

#[cfg(test)]
mod tests {
    use super::{labels, objects, possible, without_name_of_not_null};
    use crate::schema::{Facts, Fingerprint, Identity, Kind, Object, ObjectMap, SchemaSnapshot, diff::changes};

    #[test]
    fn a_label_that_went_may_be_the_one_that_came() {
        let identity = Identity::new(Kind::Type, Some("p"), "mood");
        let with = |labels: &str| {
            let object = Object::new(identity.clone(), format!("CREATE TYPE p.mood AS ENUM (\n    {labels}\n);"), None, None, Vec::new());
            SchemaSnapshot { map: ObjectMap::new(vec![object]), facts: Facts::default(), fingerprint: Fingerprint::from_text("") }
        };
        let offered = |old: &str, new: &str| -> Vec<String> {
            labels(&with(old), &with(new), &identity).unwrap().into_iter().map(|rename| rename.sql).collect()
        };
        assert_eq!(offered("'sad', 'ok'", "'sad', 'o''kay'"), ["ALTER TYPE p.mood RENAME VALUE 'ok' TO 'o''kay'"]);
        assert_eq!(offered("'a', 'b'", "'c', 'a', 'd'").len(), 2);
        assert!(offered("'a', 'b'", "'b', 'a', 'c'").is_empty());
    }

    #[test]
    fn a_name_of_several_words_is_one_name() {
        let table = |name: &str| {
            let text = format!("CREATE TABLE p.\"{name}\" (\n    id integer\n);");
            Object::new(Identity::new(Kind::Table, Some("p"), name), text, None, None, Vec::new())
        };
        let found = objects(&table("my notes (old)"), &table("my remarks")).unwrap();
        assert_eq!(found.sql, "ALTER TABLE \"p\".\"my notes (old)\" RENAME TO \"my remarks\"");
    }

    #[test]
    fn a_column_of_a_partition_is_renamed_with_its_parents() {
        let snapshot = |column: &str| {
            let table = |name: &str| {
                let text = format!("CREATE TABLE p.{name} (\n    {column} integer\n);");
                Object::new(Identity::new(Kind::Table, Some("p"), name), text, None, None, Vec::new())
            };
            let attached = "ALTER TABLE ONLY p.whole ATTACH PARTITION p.part DEFAULT;".to_owned();
            let attached = Object::new(Identity::new(Kind::TableAttach, Some("p"), "part"), attached, None, None, vec![1, 0]);
            let map = ObjectMap::new(vec![table("whole"), table("part"), attached]);
            SchemaSnapshot { map, facts: Facts::default(), fingerprint: Fingerprint::from_text("") }
        };
        let (target, source) = (snapshot("a"), snapshot("b"));
        let offered: Vec<String> = possible(&target, &source, &changes(&target, &source)).into_iter().map(|rename| rename.sql).collect();
        assert_eq!(offered, ["ALTER TABLE p.whole RENAME COLUMN a TO b"]);
    }

    #[test]
    fn a_table_under_another_name_is_known_by_the_rest() {
        let table = |name: &str, not_null: &str| {
            let text = format!("CREATE TABLE p.{name} (\n    id integer{not_null} NOT NULL,\n    CONSTRAINT note_positive CHECK ((id > 0))\n);");
            Object::new(Identity::new(Kind::Table, Some("p"), name), text, None, None, Vec::new())
        };
        let found = objects(&table("note", ""), &table("remark", " CONSTRAINT note_id_not_null")).unwrap();
        assert_eq!(found.sql, "ALTER TABLE \"p\".\"note\" RENAME TO \"remark\"");
        assert_eq!(without_name_of_not_null("    CONSTRAINT c CHECK ((a IS NOT NULL))"), "    CONSTRAINT c CHECK ((a IS NOT NULL))");
    }
}
