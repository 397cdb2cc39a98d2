//! What types of ours stand for: domains, enums and composite types.

use super::casting;
use crate::schema::{
    Kind, SchemaSnapshot,
    sql::{DomainText, TypeText, find_words},
};
use std::collections::{BTreeMap, BTreeSet};

/// What a domain stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Domain {
    base: String,
    /// A value must be there, and none is put in its place.
    required: bool,
    constrained: bool,
}

/// The types of a schema, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Domains {
    made_of: BTreeMap<String, Domain>,
    enums: BTreeSet<String>,
    /// The types of their attributes, in order.
    composites: BTreeMap<String, Vec<String>>,
    /// Casts of somebody's own that hold only where they are written out: `(p.a AS text)`.
    explicit_casts: BTreeSet<String>,
}

impl Domains {
    pub(super) fn of(snapshot: &SchemaSnapshot) -> Self {
        let mut found = Self::default();
        for object in snapshot.map.objects() {
            match object.identity.kind {
                Kind::Domain => found.made_of.extend(DomainText::read(&object.definition).map(domain)),
                Kind::Type => match TypeText::read(&object.definition) {
                    Some(TypeText::Enum { name, .. }) => {
                        found.enums.insert(name);
                    }
                    Some(TypeText::Composite { name, attributes }) => {
                        found.composites.insert(name, attributes.into_iter().map(|(_, of)| without_collation(&of)).collect());
                    }
                    _ => {}
                },
                Kind::Cast
                    if !["AS ASSIGNMENT", "AS IMPLICIT"].iter().any(|when| object.definition.trim_end().trim_end_matches(';').ends_with(when)) =>
                {
                    found.explicit_casts.extend(object.identity.name.strip_prefix("CAST ").map(str::to_owned));
                }
                _ => {}
            }
        }
        found
    }

    /// The type that values are kept by: of a domain over a domain, the last.
    pub(super) fn base(&self, type_name: &str) -> String {
        self.chain(type_name).last().map_or_else(|| type_name.to_owned(), |domain| domain.base.clone())
    }

    fn chain(&self, type_name: &str) -> impl Iterator<Item = &Domain> {
        std::iter::successors(self.made_of.get(type_name), |domain| self.made_of.get(&domain.base))
    }

    /// Whether somebody has said that one is cast to the other only where that is written out.
    pub(super) fn casts_when_told(&self, old: &str, new: &str) -> bool {
        self.explicit_casts.contains(&format!("({old} AS {new})"))
    }

    /// Whether a type forbids NULL, and has nothing to put in its place.
    pub(super) fn requires(&self, type_name: &str) -> bool {
        self.chain(type_name).any(|domain| domain.required)
    }

    /// Whether values of a type are checked one by one.
    pub(super) fn constrains(&self, type_name: &str) -> bool {
        self.chain(type_name).any(|domain| domain.constrained)
    }

    /// Whether values lose something on the way from a type of the target to one of the source: within arrays and composite types, too.
    pub(super) fn lose(&self, old: &str, new: &Self, to: &str) -> bool {
        let item = |name: &str| name.trim_end_matches("[]").to_owned();
        let (old, to) = (self.base(&item(old)), new.base(&item(to)));
        match (self.composites.get(&old), new.composites.get(&to)) {
            (Some(before), Some(after)) => before.len() != after.len() || before.iter().zip(after).any(|(old, to)| self.lose(old, new, to)),
            // A value without its label is refused.
            _ if new.enums.contains(&to) => false,
            _ if self.enums.contains(&old) => casting::loses("text", &to),
            _ => casting::loses(&old, &to),
        }
    }
}

fn without_collation(type_name: &str) -> String {
    let end = find_words(type_name, "COLLATE").unwrap_or(type_name.len());
    type_name[..end].trim().to_owned()
}

fn domain(domain: DomainText) -> (String, Domain) {
    let of = Domain {
        base: without_collation(&domain.base),
        required: domain.not_null && domain.default.is_none(),
        constrained: domain.not_null || !domain.constraints.is_empty(),
    };
    (domain.name, of)
}

#[cfg(test)]
mod tests {
    use super::Domains;
    use crate::schema::{Facts, Fingerprint, Identity, Kind, Object, ObjectMap, SchemaSnapshot};

    fn types(of: &[(Kind, &str)]) -> Domains {
        let object = |(at, (kind, text)): (usize, &(Kind, &str))| {
            Object::new(Identity::new(kind.clone(), Some("p"), format!("{at}")), (*text).to_owned(), None, None, Vec::new())
        };
        let map = ObjectMap::new(of.iter().enumerate().map(object).collect());
        Domains::of(&SchemaSnapshot { map, facts: Facts::default(), fingerprint: Fingerprint::from_text("") })
    }

    #[test]
    fn what_gets_lost_within_types_is_known() {
        let before = types(&[
            (Kind::Domain, "CREATE DOMAIN p.d AS numeric(10,4);"),
            (Kind::Type, "CREATE TYPE p.c AS (\n\ta numeric(10,4),\n\tb p.d[]\n);"),
            (Kind::Type, "CREATE TYPE p.e AS ENUM (\n    'a',\n    'b'\n);"),
        ]);
        let after = types(&[
            (Kind::Domain, "CREATE DOMAIN p.d AS numeric(10,1);"),
            (Kind::Type, "CREATE TYPE p.c AS (\n\ta numeric(12,4),\n\tb numeric(10,4)[]\n);"),
            (Kind::Type, "CREATE TYPE p.e AS ENUM (\n    'a'\n);"),
        ]);
        let lost = |old, new| before.lose(old, &after, new);
        assert!(lost("p.d[]", "p.d[]") && lost("numeric(10,4)", "p.d"));
        assert!(!lost("p.c", "p.c") && before.lose("p.c", &before, "p.c") == after.lose("p.c", &after, "p.c"));
        assert!(!lost("p.e", "p.e") && !lost("text", "p.e") && !lost("p.e", "text") && lost("p.e", "\"char\""));
    }

    #[test]
    fn domains_over_domains_forbid_null_too() {
        let all = types(&[
            (Kind::Domain, "CREATE DOMAIN p.a AS integer NOT NULL;"),
            (Kind::Domain, "CREATE DOMAIN p.b AS p.a;"),
            (Kind::Domain, "CREATE DOMAIN p.c AS integer NOT NULL DEFAULT 1;"),
        ]);
        assert_eq!((all.base("p.b").as_str(), all.requires("p.b"), all.constrains("p.c"), all.requires("p.c")), ("integer", true, true, false));
    }
}
