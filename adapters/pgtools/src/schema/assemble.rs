//! An object map from a dump's table of contents.

use super::{archive::Entry, facts::Meta, grants};
use crate::quoting::ident;
use domain::schema::{Address, Identity, Kind, Object, ObjectMap, statements_of_grants};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Entries that are no part of a schema: what the database is, rows, publications. User mappings hold passwords of other servers.
const LEFT_OUT: [&str; 19] = [
    "BLOB",
    "BLOB METADATA",
    "BLOBS",
    "DATABASE",
    "DATABASE PROPERTIES",
    "ENCODING",
    "MATERIALIZED VIEW DATA",
    "PUBLICATION",
    "PUBLICATION TABLE",
    "PUBLICATION TABLES IN SCHEMA",
    "SEARCHPATH",
    "SEQUENCE SET",
    "STATISTICS DATA",
    "STDSTRINGS",
    "SUBSCRIPTION",
    "SUBSCRIPTION TABLE",
    "TABLE DATA",
    "USER MAPPING",
    "LARGE OBJECT",
];

/// The catalogue of routines, in every version.
const PG_PROC: u32 = 1255;

/// Why no script grants them.
const OF_THE_SERVER: &str = "its code acts as the server, so who may execute it is for a superuser to say, in each database by itself";

/// Puts the map together, in the dump's order.
pub(super) fn object_map(entries: Vec<Entry>, meta: &Meta) -> ObjectMap {
    let mut objects: Vec<Object> = Vec::with_capacity(entries.len() + 1);
    let mut places: HashMap<i64, usize> = HashMap::with_capacity(entries.len());
    let mut defaults: BTreeMap<Identity, Vec<String>> = BTreeMap::new();
    let (mut untrusted, mut kept) = (HashSet::new(), HashSet::new());
    let mut narrowed: HashMap<i64, &Vec<String>> = HashMap::new();
    if meta.has_public {
        objects.push(public());
    }
    let gone = meta.uncopied.entries(&entries);
    for entry in entries {
        let kind = Kind::of_tag(&entry.kind);
        if is_left_out(&entry, &kind, meta) || gone.contains(&entry.id) {
            continue;
        }
        if kind == Kind::Schema && entry.tag == "public" {
            places.insert(entry.id, 0);
            continue;
        }
        if PG_PROC == entry.class && meta.untrusted_routines.contains(&entry.object) {
            untrusted.insert(entry.id);
        }
        // Told with the routine.
        if kind == Kind::Acl && entry.requires.iter().any(|id| kept.contains(id)) {
            continue;
        }
        let identity = Identity::new(kind.clone(), entry.schema.as_deref(), name(&entry, &kind));
        let definition = match kind {
            Kind::Acl => {
                let grants = grants::of_others(&entry.definition, &entry.owner);
                match entry.requires.iter().find_map(|id| narrowed.get(id)) {
                    Some(privileges) => grants::without(&grants, privileges, meta.server_major),
                    None => grants,
                }
            }
            Kind::DefaultAcl => {
                // Those of several owners in the parent are the one owner's in a branch.
                let own = grants::defaults(&entry.definition, &entry.owner);
                defaults.entry(identity).or_default().extend(statements_of_grants(&own).into_iter().map(|(_, statement)| format!("{statement};")));
                continue;
            }
            Kind::Extension => extension(&entry, meta),
            _ => with_access_method(&entry, &kind),
        };
        if definition.trim().is_empty() {
            continue;
        }
        let mut requires: Vec<usize> = Vec::new();
        for required in entry.requires.iter().filter_map(|required| places.get(required)) {
            if !requires.contains(required) {
                requires.push(*required);
            }
        }
        let address = (entry.class != 0 && entry.object != 0).then_some(Address { class: entry.class, object: entry.object });
        let drop = Some(entry.drop.as_str()).filter(|drop| !drop.trim().is_empty()).map(str::to_owned);
        let object = Object::new(identity, definition, drop, address, requires);
        let of_untrusted = kind == Kind::Acl && entry.requires.iter().any(|id| untrusted.contains(id));
        let place = objects.len();
        places.insert(entry.id, place);
        objects.push(if of_untrusted { object.left_to_others(OF_THE_SERVER) } else { object });
        if let Some(grants) = meta.kept_grants.get(&entry.object).filter(|_| entry.class == PG_PROC) {
            kept.insert(entry.id);
            objects.push(grants_on_kept(&entry, grants, place));
        } else if let Some(privileges) = meta.past_policies.get(&(entry.class, entry.object)) {
            if privileges.is_empty() {
                kept.insert(entry.id);
                objects.extend(grants_on_unusable(&entry, place));
            } else {
                narrowed.insert(entry.id, privileges);
            }
        }
    }
    for (identity, mut statements) in defaults {
        statements.sort();
        statements.dedup();
        if !statements.is_empty() {
            objects.push(Object::new(identity, statements.join("\n"), None, None, Vec::new()));
        }
    }
    ObjectMap::new(objects)
}

/// Grants on a routine that stays the admin's in copies, whether or not its parent says any.
fn grants_on_kept(routine: &Entry, grants: &str, place: usize) -> Object {
    let identity = Identity::new(Kind::Acl, routine.schema.as_deref(), format!("{} {}", routine.kind, routine.tag));
    Object::new(identity, format!("{};\n", grants.replace("; ", ";\n")), None, None, vec![place]).left_to_others(OF_THE_SERVER)
}

/// Grants on what only the owner may use in copies: a routine is everybody's until that is taken back.
fn grants_on_unusable(entry: &Entry, place: usize) -> Option<Object> {
    let routine = entry.drop.trim().strip_prefix("DROP ").filter(|_| entry.class == PG_PROC)?.trim_end_matches(';');
    let identity = Identity::new(Kind::Acl, entry.schema.as_deref(), format!("{} {}", entry.kind, entry.tag));
    Some(Object::new(identity, format!("REVOKE ALL ON {routine} FROM PUBLIC;\n"), None, None, vec![place]))
}

/// As initdb makes it.
fn public() -> Object {
    let identity = Identity::new(Kind::Schema, None, "public");
    Object::new(
        identity,
        "CREATE SCHEMA public;\nGRANT USAGE ON SCHEMA public TO PUBLIC;\nCOMMENT ON SCHEMA public IS 'standard public schema';\n".to_owned(),
        Some("DROP SCHEMA public;\n".to_owned()),
        None,
        Vec::new(),
    )
}

fn is_left_out(entry: &Entry, kind: &Kind, meta: &Meta) -> bool {
    let of_the_database = matches!(kind, Kind::Comment | Kind::Acl | Kind::SecurityLabel) && entry.tag.starts_with("DATABASE ");
    let of_a_stranger = *kind == Kind::DefaultAcl && !meta.owners.contains(&entry.owner);
    LEFT_OUT.contains(&entry.kind.as_str()) || of_the_database || of_a_stranger
}

/// What tells it apart from others of its kind: operators of one name have different arguments, their classes and families different access methods.
fn name(entry: &Entry, kind: &Kind) -> String {
    let from = match kind {
        Kind::Operator => " (",
        Kind::OperatorClass | Kind::OperatorFamily => " USING ",
        _ => return entry.tag.clone(),
    };
    let drop = entry.drop.trim().trim_end_matches(';');
    drop.rfind(from).map_or_else(|| entry.tag.clone(), |at| format!("{}{}", entry.tag, &drop[at..]))
}

/// A dump does not say which version an extension has.
fn extension(entry: &Entry, meta: &Meta) -> String {
    let version = meta.extensions.get(&entry.tag).map(|version| format!(" VERSION '{}'", version.replace('\'', "''"))).unwrap_or_default();
    format!("{}{version};\n", entry.definition.trim().trim_end_matches(';'))
}

/// A dump says by a setting beside it how a table's rows are kept.
fn with_access_method(entry: &Entry, kind: &Kind) -> String {
    match entry.access_method.as_deref() {
        Some(method) if method != "heap" && matches!(kind, Kind::Table | Kind::MaterializedView) => {
            format!("SET default_table_access_method = {};\n{}RESET default_table_access_method;\n", ident(method), entry.definition)
        }
        _ => entry.definition.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Meta, PG_PROC, object_map};
    use crate::schema::archive::Entry;
    use domain::schema::{Identity, Kind};

    fn entry(id: i64, kind: &str, tag: &str, definition: &str, requires: &[i64]) -> Entry {
        let (kind, tag, definition) = (kind.to_owned(), tag.to_owned(), definition.to_owned());
        Entry { id, kind, tag, definition, owner: "bob".to_owned(), requires: requires.to_vec(), ..Entry::default() }
    }

    #[test]
    fn operators_of_one_name_are_told_apart() {
        let of = |id, kind: &str, tag: &str, drop: &str| Entry { drop: drop.to_owned(), ..entry(id, kind, tag, "CREATE ..", &[]) };
        let entries = vec![
            of(1, "OPERATOR", "===", "DROP OPERATOR app.=== (text, text);\n"),
            of(2, "OPERATOR", "===", "DROP OPERATOR app.=== (NONE, \"a b\".c);\n"),
            of(3, "OPERATOR CLASS", "USING it", "DROP OPERATOR CLASS app.\"USING it\" USING hash;\n"),
            of(4, "OPERATOR FAMILY", "f", "DROP OPERATOR FAMILY app.f USING btree;\n"),
        ];
        let map = object_map(entries, &Meta::default());
        let names: Vec<&str> = map.objects().iter().map(|object| object.identity.name.as_str()).collect();
        assert_eq!(names, ["=== (text, text)", "=== (NONE, \"a b\".c)", "USING it USING hash", "f USING btree"]);
    }

    #[test]
    fn what_is_ours_or_secret_is_left_out() {
        let meta = Meta {
            has_public: true,
            owners: vec!["bob".to_owned()],
            extensions: [("vector".to_owned(), "0.8.6".to_owned())].into(),
            untrusted_routines: [16400, 16401].into(),
            kept_grants: [(16401, "revoke all on routine kept() from public; grant execute on routine kept() to bob".to_owned())].into(),
            ..Meta::default()
        };
        let entries = vec![
            entry(1, "ENCODING", "ENCODING", "SET client_encoding = 'UTF8';", &[]),
            entry(2, "COMMENT", "DATABASE a", "COMMENT ON DATABASE a IS 'secret';", &[]),
            entry(3, "USER MAPPING", "USER MAPPING bob SERVER s", "CREATE USER MAPPING ..", &[]),
            entry(4, "EVENT TRIGGER", "ours", "CREATE EVENT TRIGGER ours ..", &[]),
            entry(5, "EXTENSION", "vector", "CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;\n", &[]),
            entry(6, "TABLE", "t", "CREATE TABLE t (\n);\n", &[5, 5, 99]),
            entry(7, "ACL", "TABLE t", "REVOKE ALL ON TABLE t FROM bob;\n", &[6]),
            Entry { class: PG_PROC, object: 16400, ..entry(8, "FUNCTION", "in_c()", "CREATE FUNCTION in_c() ..", &[]) },
            entry(9, "ACL", "FUNCTION in_c()", "REVOKE ALL ON FUNCTION in_c() FROM PUBLIC;\n", &[8]),
            Entry { class: PG_PROC, object: 16401, ..entry(10, "FUNCTION", "kept()", "CREATE FUNCTION kept() ..", &[]) },
            entry(11, "ACL", "FUNCTION kept()", "GRANT ALL ON FUNCTION kept() TO eve;\n", &[10]),
        ];
        let map = object_map(entries, &meta);
        let names: Vec<String> = map.objects().iter().map(|object| object.identity.to_string()).collect();
        let expected =
            ["schema public", "extension vector", "table t", "function in_c()", "grant FUNCTION in_c()", "function kept()", "grant FUNCTION kept()"];
        assert_eq!(names, expected);
        let left: Vec<bool> = map.objects().iter().map(|object| object.unscripted.is_some()).collect();
        assert_eq!(left, [false, false, false, false, true, false, true]);
        assert_eq!(map.objects()[6].definition, "revoke all on routine kept() from public;\ngrant execute on routine kept() to bob;\n");
        assert_eq!(map.objects()[2].requires, [1]);
        let vector = map.find(&Identity::new(Kind::Extension, None, "vector")).unwrap();
        assert_eq!(vector.definition, "CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public VERSION '0.8.6';\n");
    }
}
