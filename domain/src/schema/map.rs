//! The object map: every object of a database with its definition, in the order in which they can be made.

use super::{Address, Identity, normal::canonical};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
};

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What it is called.
    pub identity: Identity,
    /// The statements that make it, with every name in full.
    pub definition: String,
    /// The statement that drops it, where there is one.
    pub drop: Option<String>,
    /// Its row in the catalogue; none for what is said of others.
    pub address: Option<Address>,
    /// Objects that must be there before it, by their place in the map. Those outside the map are left out.
    pub requires: Vec<usize>,
    /// Why no script says it, where that is so whatever it says.
    pub unscripted: Option<String>,
    canonical: String,
}

impl Object {
    /// An object.
    pub fn new(identity: Identity, definition: String, drop: Option<String>, address: Option<Address>, requires: Vec<usize>) -> Self {
        let canonical = canonical(&definition);
        Self { identity, definition, drop, address, requires, unscripted: None, canonical }
    }

    /// The same, left to somebody else than a script.
    #[must_use]
    pub fn left_to_others(self, reason: impl Into<String>) -> Self {
        Self { unscripted: Some(reason.into()), ..self }
    }

    /// The definition in the one form that is compared.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// Every object of a database, in the order in which they can be made. No two have one identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectMap {
    objects: Vec<Object>,
    places: HashMap<Identity, usize>,
}

impl ObjectMap {
    /// A map of these objects. Those that a dump calls by one name are numbered.
    pub fn new(mut objects: Vec<Object>) -> Self {
        let mut places = HashMap::with_capacity(objects.len());
        for (place, object) in objects.iter_mut().enumerate() {
            while places.contains_key(&object.identity) {
                object.identity.occurrence += 1;
            }
            places.insert(object.identity.clone(), place);
        }
        Self { objects, places }
    }

    /// The objects, in the order in which they can be made.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// Where an object stands.
    pub fn place(&self, identity: &Identity) -> Option<usize> {
        self.places.get(identity).copied()
    }

    /// An object by its name.
    pub fn find(&self, identity: &Identity) -> Option<&Object> {
        self.place(identity).map(|place| &self.objects[place])
    }

    /// The objects in the order of their names, whatever the order in which they can be made.
    pub fn by_identity(&self) -> BTreeMap<&Identity, &Object> {
        self.objects.iter().map(|object| (&object.identity, object)).collect()
    }

    /// What a fingerprint is the digest of: the same text for the same schema.
    pub fn canonical_text(&self) -> String {
        let mut text = String::new();
        for (identity, object) in self.by_identity() {
            // Lengths before the parts: no definition can pose as another object.
            let name = identity.fingerprinted();
            let _ = writeln!(text, "{} {} {name}\n{}", name.len(), object.canonical.len(), object.canonical);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Object, ObjectMap};
    use crate::schema::{Identity, Kind};

    fn table(name: &str, definition: &str) -> Object {
        Object::new(Identity::new(Kind::Table, Some("public"), name), definition.to_owned(), None, None, Vec::new())
    }

    #[test]
    fn the_order_of_making_is_no_part_of_the_canonical_text() {
        let (a, b) = (table("a", "x"), table("b", "y"));
        let text = |objects: Vec<Object>| ObjectMap::new(objects).canonical_text();
        assert_eq!(text(vec![a.clone(), b.clone()]), text(vec![b.clone(), a.clone()]));
        assert_ne!(text(vec![a, b.clone()]), text(vec![table("a", "z"), b]));
    }

    #[test]
    fn what_has_one_name_is_numbered() {
        let map = ObjectMap::new(vec![table("a", "x"), table("a", "y")]);
        let second = Identity { occurrence: 1, ..map.objects()[0].identity.clone() };
        assert_eq!(map.find(&second).unwrap().definition, "y");
    }
}
