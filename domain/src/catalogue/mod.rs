//! The schema catalogue: what tables a database has, with their columns, keys, relationships and comments.

mod link;
mod relation;
mod relationship;
mod told;

pub use link::Link;
pub use relation::{Column, ForeignKey, Relation, RelationKind};
pub use relationship::Relationship;

use crate::table::QualifiedName;
use std::collections::{BTreeMap, HashMap};

/// The exposed relations of one database, as one reading of `pg_catalog` found them.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    relations: BTreeMap<QualifiedName, Relation>,
    foreign_keys: Vec<ForeignKey>,
    exposed: Vec<String>,
    touching: HashMap<QualifiedName, Vec<usize>>,
}

impl Catalogue {
    /// Puts a catalogue together. `exposed` are the schemas that unqualified names are looked up in, in order.
    pub fn new(relations: impl IntoIterator<Item = Relation>, foreign_keys: Vec<ForeignKey>, exposed: Vec<String>) -> Self {
        let mut touching: HashMap<QualifiedName, Vec<usize>> = HashMap::new();
        for (index, key) in foreign_keys.iter().enumerate() {
            touching.entry(key.origin.clone()).or_default().push(index);
            if key.target != key.origin {
                touching.entry(key.target.clone()).or_default().push(index);
            }
        }
        let relations = relations.into_iter().map(|relation| (relation.name.clone(), relation)).collect();
        Self { relations, foreign_keys, exposed, touching }
    }

    /// The schemas that are exposed, in order.
    pub fn exposed(&self) -> &[String] {
        &self.exposed
    }

    /// Every exposed relation, by name.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// A relation by a name as requests write it: `schema.table`, or a bare name looked up in the exposed schemas in order.
    pub fn find(&self, schema: Option<&str>, name: &str) -> Option<&Relation> {
        match schema {
            Some(schema) => self.relations.get(&QualifiedName::new(schema, name)),
            None => self.exposed.iter().find_map(|schema| self.relations.get(&QualifiedName::new(schema.clone(), name))),
        }
    }

    /// A relation by its full name.
    pub fn get(&self, name: &QualifiedName) -> Option<&Relation> {
        self.relations.get(name)
    }

    /// The foreign keys that begin or end at a relation.
    pub fn foreign_keys_of(&self, name: &QualifiedName) -> impl Iterator<Item = &ForeignKey> {
        self.touching.get(name).into_iter().flatten().map(|index| &self.foreign_keys[*index])
    }
}

/// No name of PostgreSQL is longer, nor any other that is looked for: what is, is like none of them, and comparing it would take long.
const LONGEST_COMPARED: usize = 64;

/// The candidates within an edit distance of about a third of the name's length, best first, three at most.
pub fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<String> {
    if name.chars().nth(LONGEST_COMPARED).is_some() {
        return Vec::new();
    }
    let limit = name.chars().count() / 3 + 1;
    let mut near: Vec<_> =
        candidates.map(|candidate| (edit_distance(name, candidate), candidate)).filter(|(distance, _)| *distance <= limit).collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, candidate)| candidate.to_owned()).collect()
}

/// Levenshtein distance in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        assert_eq!(closest("usrs", ["use", "users", "posts"].into_iter()), ["users", "use"]);
        assert!(closest("qqqqqq", ["users"].into_iter()).is_empty());
    }

    #[test]
    fn what_is_longer_than_any_name_is_like_none() {
        let known = "é".repeat(64);
        assert_eq!(closest(&known, [known.as_str()].into_iter()), [known.as_str()]);
        assert!(closest(&"é".repeat(65), [known.as_str()].into_iter()).is_empty());
        assert!(closest(&"x".repeat(64 * 1024 * 1024), std::iter::repeat_n("x", 1600)).is_empty());
    }
}
