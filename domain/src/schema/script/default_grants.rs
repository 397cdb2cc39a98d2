//! Default grants: what every new object gets from the target, on top of what the source grants on it.

use crate::schema::{
    Kind, Object, SchemaSnapshot,
    sql::{AclStatement, SequenceText, acl_statements},
};
use std::collections::BTreeSet;

/// What a schema grants by default on new objects; without a schema: on those of all.
#[derive(Debug, Default)]
pub(super) struct DefaultGrants(Vec<(Option<String>, AclStatement)>);

/// How grants speak of objects of a kind.
struct Words {
    /// In default grants.
    many: &'static str,
    /// In grants.
    one: &'static str,
    /// Whether everybody may use such objects where nothing is said.
    everybodys: bool,
}

fn words(kind: &Kind) -> Option<Words> {
    let (many, one, everybodys) = match kind {
        Kind::Table | Kind::ForeignTable | Kind::View | Kind::MaterializedView => ("TABLES", "TABLE", false),
        Kind::Sequence => ("SEQUENCES", "SEQUENCE", false),
        Kind::Function | Kind::Procedure | Kind::Aggregate => ("FUNCTIONS", "ROUTINE", true),
        Kind::Type | Kind::Domain => ("TYPES", "TYPE", true),
        Kind::Schema => ("SCHEMAS", "SCHEMA", false),
        _ => return None,
    };
    Some(Words { many, one, everybodys })
}

impl DefaultGrants {
    pub(super) fn of(snapshot: &SchemaSnapshot) -> Self {
        let entries = snapshot.map.objects().iter().filter(|object| object.identity.kind == Kind::DefaultAcl);
        let of_entry = |object: &Object| {
            let all = acl_statements(&object.definition).unwrap_or_default();
            all.into_iter().map(|statement| (object.identity.schema.clone(), statement)).collect::<Vec<_>>()
        };
        Self(entries.flat_map(of_entry).collect())
    }

    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The statements after which a new object has what it would have without default grants, where the grants that follow do not see to it. `None` where
    /// it cannot be said what the object is called.
    pub(super) fn undone(&self, object: &Object, grants: Option<&Object>) -> Option<Vec<String>> {
        let Some(words) = words(&object.identity.kind) else { return Some(Vec::new()) };
        let applies = |schema: &Option<String>| schema.is_none() || *schema == object.identity.schema;
        let given: Vec<&AclStatement> =
            self.0.iter().filter(|(schema, statement)| applies(schema) && statement.object() == words.many).map(|(_, statement)| statement).collect();
        let wanted = grants.and_then(|grants| acl_statements(&grants.definition)).unwrap_or_default();
        let grantees: BTreeSet<&str> = given.iter().map(|statement| statement.grantee.as_str()).collect();
        let undo = |grantee: &str| {
            let given: Vec<&AclStatement> = given.iter().filter(|statement| statement.grantee == grantee).copied().collect();
            let wanted: Vec<&AclStatement> = wanted.iter().filter(|statement| statement.grantee == grantee).collect();
            if words.everybodys && grantee == "PUBLIC" {
                (has(&wanted) && !has(&given)).then_some(("GRANT ALL ON", "TO"))
            } else {
                given.iter().any(|statement| statement.grants && !is_granted(statement, &wanted)).then_some(("REVOKE ALL ON", "FROM"))
            }
        };
        let mut steps = Vec::new();
        for grantee in grantees {
            if let Some((verb, word)) = undo(grantee) {
                steps.push(format!("{verb} {} {} {word} {grantee}", words.one, name(object)?));
            }
        }
        Some(steps)
    }
}

/// Whether everybody has the one privilege that they have where nothing is said.
fn has(statements: &[&AclStatement]) -> bool {
    let revoked = statements.iter().any(|statement| !statement.grants);
    !revoked || statements.iter().any(|statement| statement.grants)
}

/// Whether all that a default grant gives is granted anyway.
fn is_granted(given: &AclStatement, wanted: &[&AclStatement]) -> bool {
    let covers = |privilege: &str, statement: &AclStatement| {
        let named = statement.privileges().into_iter().any(|granted| granted == privilege || granted == "ALL");
        named && statement.grants && (statement.with_option || !given.with_option)
    };
    given.privileges().into_iter().all(|privilege| wanted.iter().any(|statement| covers(privilege, statement)))
}

/// What the statement that drops an object calls it.
fn name(object: &Object) -> Option<String> {
    if let Some(sequence) = SequenceText::read(&object.definition) {
        return Some(sequence.name);
    }
    let statement = object.drop.as_ref()?.trim().trim_end_matches(';');
    let name = statement.strip_prefix(&format!("DROP {} ", object.identity.kind.to_string().to_uppercase()))?;
    // An aggregate over rows.
    Some(name.strip_suffix("(*)").map_or_else(|| name.to_owned(), |name| format!("{name}()")))
}

#[cfg(test)]
mod tests {
    use super::DefaultGrants;
    use crate::schema::{Facts, Fingerprint, Identity, Kind, Object, ObjectMap, SchemaSnapshot};

    fn object(kind: Kind, name: &str, definition: &str, drop: &str) -> Object {
        Object::new(Identity::new(kind, Some("app"), name), definition.to_owned(), Some(drop.to_owned()), None, Vec::new())
    }

    fn defaults() -> DefaultGrants {
        let tables = "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT,INSERT ON TABLES TO anon";
        let functions = "ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC";
        let mut everywhere = object(Kind::DefaultAcl, "DEFAULT PRIVILEGES FOR FUNCTIONS", functions, "");
        everywhere.identity.schema = None;
        let map = ObjectMap::new(vec![object(Kind::DefaultAcl, "DEFAULT PRIVILEGES FOR TABLES", tables, ""), everywhere]);
        DefaultGrants::of(&SchemaSnapshot { map, facts: Facts::default(), fingerprint: Fingerprint::from_text("") })
    }

    #[test]
    fn only_what_the_source_does_not_grant_is_taken_back() {
        let table = object(Kind::View, "v", "CREATE VIEW ..", "DROP VIEW app.v;\n");
        let undone = |grants: Option<&str>| {
            let grants = grants.map(|text| object(Kind::Acl, "TABLE v", text, ""));
            defaults().undone(&table, grants.as_ref()).unwrap()
        };
        assert_eq!(undone(Some("GRANT ALL ON TABLE app.v TO anon;")), Vec::<String>::new());
        assert_eq!(undone(Some("GRANT INSERT,SELECT ON TABLE app.v TO anon;")), Vec::<String>::new());
        assert_eq!(undone(Some("GRANT SELECT ON TABLE app.v TO anon;")), ["REVOKE ALL ON TABLE app.v FROM anon"]);
        assert_eq!(undone(None), ["REVOKE ALL ON TABLE app.v FROM anon"]);
    }

    #[test]
    fn what_everybody_has_is_given_back() {
        let aggregate = object(Kind::Aggregate, "a(*)", "CREATE AGGREGATE ..", "DROP AGGREGATE app.a(*);\n");
        assert_eq!(defaults().undone(&aggregate, None).unwrap(), ["GRANT ALL ON ROUTINE app.a() TO PUBLIC"]);
        let revoked = object(Kind::Acl, "FUNCTION a(*)", "REVOKE ALL ON FUNCTION app.a() FROM PUBLIC;", "");
        assert!(defaults().undone(&aggregate, Some(&revoked)).unwrap().is_empty());
        let sequence = object(Kind::Sequence, "s", "CREATE SEQUENCE app.s\n    START WITH 1;", "");
        assert!(defaults().undone(&sequence, None).unwrap().is_empty());
    }
}
