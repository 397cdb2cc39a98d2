//! How two schemas differ.

use super::{
    Fingerprint, Hazard, Identity, Kind, Object, PossibleRename, SchemaSnapshot, ScriptStatement, renames, script, script_text, sql::TableText,
};
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;

/// What happened to an object, seen from the target: the source has it, has not, or has it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Only the source has it.
    Added,
    /// Only the target has it.
    Removed,
    /// Both have it, with other definitions.
    Changed,
}

/// One part of an object that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// `column note`, `constraint positive`, `definition`.
    pub field: String,
    /// In the target.
    pub before: Option<String>,
    /// In the source.
    pub after: Option<String>,
}

/// An object that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectChange {
    /// What it is.
    pub kind: Kind,
    /// Its name with its schema.
    pub identity: String,
    /// What happened to it.
    pub change: Change,
    /// What differs in it.
    pub fields: Vec<FieldChange>,
    /// Its name, in parts.
    #[serde(skip)]
    pub object: Identity,
}

/// How many objects differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Only the source has them.
    pub added: usize,
    /// Only the target has them.
    pub removed: usize,
    /// Both have them, with other definitions.
    pub changed: usize,
}

/// A difference that the script leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unscripted {
    /// What it is.
    pub kind: Kind,
    /// Its name with its schema.
    pub identity: String,
    /// Why.
    pub reason: String,
}

impl Unscripted {
    pub(super) fn new(object: &Identity, reason: impl Into<String>) -> Self {
        Self { kind: object.kind.clone(), identity: object.qualified(), reason: reason.into() }
    }
}

/// How the source differs from the target, and the script that turns the target into the source. Told in JSON with the script as a text, as psql runs it,
/// and its statements one by one beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SchemaDiff {
    /// How many objects differ.
    pub summary: Summary,
    /// Which, in the order of their names.
    pub objects: Vec<ObjectChange>,
    /// What to know before running the script: every hazard of its statements, once.
    pub hazards: Vec<Hazard>,
    /// The statements, in order.
    #[serde(flatten, serialize_with = "script_told")]
    pub script: Vec<ScriptStatement>,
    /// What they leave.
    pub unscripted: Vec<Unscripted>,
    /// Removed and added objects that may be one: the script drops and makes them.
    pub possible_renames: Vec<PossibleRename>,
    /// Of the source.
    pub source_fingerprint: Fingerprint,
    /// Of the target.
    pub target_fingerprint: Fingerprint,
}

/// A script as a text, and its statements one by one.
fn script_told<S: Serializer>(script: &[ScriptStatement], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Told<'a> {
        script: String,
        statements: &'a [ScriptStatement],
    }
    Told { script: script_text(script), statements: script }.serialize(serializer)
}

impl SchemaDiff {
    /// Two schemas of one fingerprint: nothing need be read.
    pub fn equal(fingerprint: Fingerprint) -> Self {
        Self {
            summary: Summary::default(),
            objects: Vec::new(),
            hazards: Vec::new(),
            script: Vec::new(),
            unscripted: Vec::new(),
            possible_renames: Vec::new(),
            source_fingerprint: fingerprint.clone(),
            target_fingerprint: fingerprint,
        }
    }

    /// Compares two schemas.
    pub fn between(target: &SchemaSnapshot, source: &SchemaSnapshot) -> Self {
        let objects = changes(target, source);
        let (script, unscripted) = script::write(target, source);
        let count = |change| objects.iter().filter(|object| object.change == change).count();
        let hazards: BTreeSet<Hazard> = script.iter().flat_map(|statement| statement.hazards.iter().copied()).collect();
        Self {
            summary: Summary { added: count(Change::Added), removed: count(Change::Removed), changed: count(Change::Changed) },
            possible_renames: renames::possible(target, source, &objects),
            objects,
            hazards: hazards.into_iter().collect(),
            script,
            unscripted,
            source_fingerprint: source.fingerprint.clone(),
            target_fingerprint: target.fingerprint.clone(),
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// The objects that differ, in the order of their names.
pub(super) fn changes(target: &SchemaSnapshot, source: &SchemaSnapshot) -> Vec<ObjectChange> {
    let (old, new) = (target.map.by_identity(), source.map.by_identity());
    let names: BTreeSet<&Identity> = old.keys().chain(new.keys()).copied().collect();
    names.into_iter().filter_map(|name| compare(name, old.get(name).copied(), new.get(name).copied())).collect()
}

fn compare(name: &Identity, old: Option<&Object>, new: Option<&Object>) -> Option<ObjectChange> {
    let (change, fields) = match (old, new) {
        (Some(old), Some(new)) if old.canonical() == new.canonical() => return None,
        (Some(old), Some(new)) => (Change::Changed, fields(old, new)),
        (Some(old), None) => (Change::Removed, vec![whole(Some(old), None)]),
        (None, new) => (Change::Added, vec![whole(None, new)]),
    };
    Some(ObjectChange { kind: name.kind.clone(), identity: name.qualified(), change, fields, object: name.clone() })
}

fn whole(old: Option<&Object>, new: Option<&Object>) -> FieldChange {
    let definition = |object: Option<&Object>| object.map(|object| object.definition.trim().to_owned());
    FieldChange { field: "definition".to_owned(), before: definition(old), after: definition(new) }
}

/// A table differs by its columns and checks; anything else as a whole.
fn fields(old: &Object, new: &Object) -> Vec<FieldChange> {
    let parts = match (TableText::read(&old.definition), TableText::read(&new.definition)) {
        (Some(old), Some(new)) if old != new => table_fields(&old, &new),
        _ => Vec::new(),
    };
    if parts.is_empty() { vec![whole(Some(old), Some(new))] } else { parts }
}

fn table_fields(old: &TableText, new: &TableText) -> Vec<FieldChange> {
    let columns = |table: &TableText| table.columns.iter().map(|column| (format!("column {}", column.name), column.described())).collect::<Vec<_>>();
    let checks = |table: &TableText| table.constraints.iter().map(|(name, text)| (format!("constraint {name}"), text.clone())).collect::<Vec<_>>();
    let order = |table: &TableText| table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>().join(", ");
    let rest = |table: &TableText| {
        let logged = if table.unlogged { "unlogged" } else { "logged" };
        let options = table.options.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
        let kept_by = table.access_method.clone().unwrap_or_else(|| "heap".to_owned());
        let mut rest = vec![("persistence".to_owned(), logged.to_owned()), ("options".to_owned(), options), ("access method".to_owned(), kept_by)];
        rest.push(("clauses".to_owned(), table.fixed.join(" ")));
        rest.push(("settings".to_owned(), table.trailing.join(";\n")));
        rest
    };
    let mut found = differing(&columns(old), &columns(new));
    if found.is_empty() {
        found.extend(differing(&[("column order".to_owned(), order(old))], &[("column order".to_owned(), order(new))]));
    }
    found.extend(differing(&checks(old), &checks(new)));
    found.extend(differing(&rest(old), &rest(new)));
    found
}

fn differing(old: &[(String, String)], new: &[(String, String)]) -> Vec<FieldChange> {
    let of = |list: &[(String, String)], name: &str| list.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone());
    let mut names: Vec<&String> = old.iter().map(|(name, _)| name).collect();
    names.extend(new.iter().map(|(name, _)| name).filter(|name| of(old, name).is_none()));
    let change = |name: &String| FieldChange { field: name.clone(), before: of(old, name), after: of(new, name) };
    names.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

#[cfg(test)]
mod tests {
    use super::SchemaDiff;
    use crate::schema::{Facts, Fingerprint, Identity, Kind, Object, ObjectMap, SchemaSnapshot};

    fn snapshot(name: &str, column: &str) -> SchemaSnapshot {
        let definition = format!("CREATE TABLE public.t (\n    id integer,\n    {column}\n);\n");
        let table =
            Object::new(Identity::new(Kind::Table, Some("public"), "t"), definition, Some("DROP TABLE public.t;\n".to_owned()), None, Vec::new());
        SchemaSnapshot { map: ObjectMap::new(vec![table]), facts: Facts::default(), fingerprint: Fingerprint::from_text(name) }
    }

    #[test]
    fn a_diff_is_told_as_the_contract_has_it() {
        let diff = SchemaDiff::between(&snapshot("aa", "note text"), &snapshot("bb", "text text"));
        let expected = serde_json::json!({
            "summary": {"added": 0, "removed": 0, "changed": 1},
            "objects": [{
                "kind": "table",
                "identity": "public.t",
                "change": "changed",
                "fields": [
                    {"field": "column note", "before": "text", "after": null},
                    {"field": "column text", "before": null, "after": "text"},
                ],
            }],
            "hazards": ["data_loss", "exclusive_lock"],
            "script": "SET search_path = pg_catalog;\nSET check_function_bodies = off;\n\nALTER TABLE public.t DROP COLUMN note;\n\n\
                       ALTER TABLE public.t ADD COLUMN text text;\n\n",
            "statements": [
                {
                    "sql": "ALTER TABLE public.t DROP COLUMN note",
                    "object": "table public.t",
                    "hazards": ["data_loss", "exclusive_lock"],
                    "in_transaction": true,
                },
                {"sql": "ALTER TABLE public.t ADD COLUMN text text", "object": "table public.t", "hazards": ["exclusive_lock"], "in_transaction": true},
            ],
            "unscripted": [],
            "possible_renames": [
                {"kind": "column", "from": "public.t.note", "to": "public.t.text", "sql": "ALTER TABLE public.t RENAME COLUMN note TO text"},
            ],
            "source_fingerprint": "bb",
            "target_fingerprint": "aa",
        });
        assert_eq!(serde_json::to_value(&diff).unwrap(), expected);
        assert!(SchemaDiff::equal(Fingerprint::from_text("aa")).is_empty());
    }

    #[test]
    fn what_is_left_to_others_is_told_and_in_no_script() {
        let made = |grants: Option<&str>, routine: bool| {
            let identity = Identity::new(Kind::Function, Some("public"), "f()");
            let drop = Some("DROP FUNCTION public.f();\n".to_owned());
            let mut objects = vec![Object::new(identity, "CREATE FUNCTION public.f() ..".to_owned(), drop, None, Vec::new())];
            objects.extend(grants.map(|grants| {
                let identity = Identity::new(Kind::Acl, Some("public"), "FUNCTION f()");
                Object::new(identity, grants.to_owned(), None, None, vec![0]).left_to_others("for a superuser to say")
            }));
            let map = ObjectMap::new(if routine { objects } else { Vec::new() });
            SchemaSnapshot { map, facts: Facts::default(), fingerprint: Fingerprint::from_text("aa") }
        };
        let granted = |grants| made(Some(grants), true);
        let (one, other) = ("GRANT ALL ON FUNCTION public.f() TO a;\n", "GRANT ALL ON FUNCTION public.f() TO b;\n");
        for (target, source) in [(granted(one), granted(other)), (made(None, true), granted(one)), (granted(one), made(None, true))] {
            let diff = SchemaDiff::between(&target, &source);
            assert_eq!((diff.objects.len(), &diff.script[..]), (1, &[][..]));
            assert_eq!((diff.unscripted.len(), diff.unscripted[0].reason.as_str()), (1, "for a superuser to say"));
        }
        // It comes with what it is said of, and goes with that.
        let (there, gone) = (granted(one), made(None, false));
        assert_eq!(SchemaDiff::between(&gone, &there).unscripted.len(), 1);
        assert!(SchemaDiff::between(&there, &there).unscripted.is_empty());
    }
}
