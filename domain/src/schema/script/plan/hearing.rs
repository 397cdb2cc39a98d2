//! Who hears of a change: what stands on a table's columns, on those that heirs and partitions have of it, and on the attributes of a type.

use super::{Plan, Seed, What};
use crate::schema::{
    Kind, Node, Object,
    script::{
        fate::Fate,
        graph::{Dependent, Part},
        names::names_with_members,
        table::Disturbance,
    },
    sql::{Column, TypeText, bare},
};
use std::collections::BTreeSet;

impl Plan<'_> {
    /// Removed objects whose names new ones take: they go first. An extension's are those of all that it brings, too.
    pub(super) fn in_the_way(&self) -> BTreeSet<usize> {
        let objects = self.source.map.objects().iter().filter(|object| self.target.map.place(&object.identity).is_none());
        let taken: BTreeSet<_> = objects.flat_map(|object| names_with_members(self.source, object)).collect();
        let removed = self.target.map.objects().iter().enumerate().filter(|(place, _)| self.fates[*place] == Fate::Remove);
        let is_in_the_way = |object: &Object| names_with_members(self.target, object).iter().any(|name| taken.contains(name));
        removed.filter(|(_, object)| is_in_the_way(object)).map(|(place, _)| place).collect()
    }

    /// Whether it is about a column of the table's own that the source does not tell as its own. One that a parent loses goes with the parent's, and its checks
    /// before that.
    pub(super) fn is_told_no_more(&mut self, seed: Seed, place: usize) -> bool {
        let What::Column(number, _) = seed.what else { return false };
        let Some(change) = self.table(place).filter(|_| seed.place == place) else { return false };
        let Some(fact) = change.facts.iter().find(|fact| fact.number == number) else { return false };
        let is_it = |column: &&Column| bare(&column.name) == fact.name;
        let told = change.old.columns.iter().find(is_it);
        told.is_some_and(|old| !change.new.columns.iter().any(|new| is_it(&new)) && !change.went_with_parent(&old.name))
    }

    /// What a table's change does to those who stand on its columns, and on those that heirs and partitions have of it.
    pub(super) fn disturbed(&self, place: usize, root: usize) -> Vec<Seed> {
        let Some(change) = self.tables.get(&place) else { return Vec::new() };
        let mut found = Vec::new();
        for (column, disturbance) in change.disturbances() {
            let mut reached = vec![(place, column)];
            let name = change.facts.iter().find(|fact| fact.number == column).map(|fact| fact.name.as_str());
            while let Some((place, column)) = reached.pop() {
                found.push(Seed { root, place, what: What::Column(column, disturbance) });
                let heirs = self.graph.dependents(place).iter().filter(|dependent| self.is_heir(dependent, place));
                let columns = |heir: usize| self.target.columns(&self.target.map.objects()[heir]).iter();
                let same = |heir: usize| columns(heir).find(|fact| Some(fact.name.as_str()) == name).map(|fact| (heir, fact.number));
                reached.extend(heirs.filter_map(|heir| same(heir.place)).filter(|(heir, _)| {
                    // It stays where it is told as the heir's own.
                    disturbance != Disturbance::Dropped || name.is_none_or(|name| change.comes_again(name) || !self.keeps_column(*heir, name))
                }));
            }
        }
        found
    }

    /// What the change of a composite type does to those who read its attributes.
    pub(super) fn disturbed_attributes(&self, place: usize) -> Vec<Seed> {
        let Some(at) = self.in_source[place] else { return Vec::new() };
        let read = |object: &Object| match TypeText::read(&object.definition) {
            Some(TypeText::Composite { attributes, .. }) => attributes,
            _ => Vec::new(),
        };
        let object = &self.target.map.objects()[place];
        let after = read(&self.source.map.objects()[at]);
        let disturbance = |(name, of): &(String, String)| match after.iter().find(|(other, _)| other == name) {
            None => Some(Disturbance::Dropped),
            Some((_, is)) if is != of => Some(Disturbance::Retyped(true)),
            Some(_) => None,
        };
        let number = |name: &str| self.target.attributes(object).iter().find(|fact| fact.name == bare(name)).map(|fact| fact.number);
        let found = read(object).into_iter().filter_map(|attribute| Some((number(&attribute.0)?, disturbance(&attribute)?)));
        found.map(|(column, disturbance)| Seed { root: place, place, what: What::Column(column, disturbance) }).collect()
    }

    /// Whether a table inherits from one that stays its parent, or is a partition of it.
    pub(super) fn is_heir(&self, dependent: &Dependent, parent: usize) -> bool {
        let is_table = matches!(self.kind(dependent.place), Kind::Table | Kind::ForeignTable);
        let is_child = is_table && dependent.place != parent && dependent.part == Part::Whole && dependent.column == 0;
        // One that goes may be there until then.
        is_child && (self.fates[dependent.place] == Fate::Remove || !self.has_left(dependent.place, parent))
    }

    /// Whether the source's table of that name has such a column.
    pub(super) fn keeps_column(&self, place: usize, name: &str) -> bool {
        self.in_source[place].is_some_and(|at| self.source.columns(&self.source.map.objects()[at]).iter().any(|fact| fact.name == name))
    }

    /// Why a column can neither go nor get another type, where a publication tells apart by it.
    pub(super) fn published(&self, seed: Seed) -> Option<String> {
        let What::Column(column, _) = seed.what else { return None };
        let object = &self.target.map.objects()[seed.place];
        let is_it = |node: &Node| Some(node.address) == object.address && node.column == column;
        let (_, publication) = self.target.facts.published.iter().find(|(node, _)| is_it(node))?;
        let name = self.target.columns(object).iter().find(|fact| fact.number == column).map_or("", |fact| &fact.name);
        Some(format!("publication {publication} tells by column {name} of {} what it sends: take that out of it first", object.identity))
    }
}
