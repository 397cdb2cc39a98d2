//! In which order tables become logged or unlogged: no logged table may refer to an unlogged one meanwhile.

use super::{fate::Fate, plan::Plan};
use crate::schema::{Kind, sql::TableText};
use std::collections::{BTreeMap, BTreeSet};

/// A foreign key between two tables.
struct Reference {
    place: usize,
    from: usize,
    to: usize,
}

impl Plan<'_> {
    /// Tables that become unlogged (true) or logged.
    fn persistence_changes(&self) -> BTreeMap<usize, bool> {
        let objects = self.target.map.objects();
        let change = |place: usize| {
            let new = &self.source.map.objects()[self.in_source[place]?];
            let (old, new) = (TableText::read(&objects[place].definition)?, TableText::read(&new.definition)?);
            (old.unlogged != new.unlogged).then_some((place, new.unlogged))
        };
        (0..objects.len()).filter(|place| self.fates[*place] == Fate::Table).filter_map(change).collect()
    }

    /// Foreign keys that are there while it happens.
    fn references(&self) -> Vec<Reference> {
        let is_table = |place: &usize| *self.kind(*place) == Kind::Table;
        let keys = (0..self.fates.len()).filter(|place| *self.kind(*place) == Kind::FkConstraint && !self.is_dropped(*place));
        let of = |place: usize| {
            let on = self.graph.dependencies(place);
            let from = on.iter().find(|(table, _, automatic)| *automatic && is_table(table))?.0;
            let to = on.iter().find(|(table, _, automatic)| !automatic && is_table(table) && *table != from)?.0;
            Some(Reference { place, from, to })
        };
        keys.filter_map(of).collect()
    }

    /// The tables in an order that PostgreSQL takes: who is referred to becomes logged first, who refers becomes unlogged first. Those of circles are left.
    pub(super) fn persistence_order(&self) -> (Vec<usize>, BTreeSet<usize>) {
        let changes = self.persistence_changes();
        if changes.is_empty() {
            return (Vec::new(), BTreeSet::new());
        }
        let references = self.references();
        let (mut order, mut left): (Vec<usize>, BTreeSet<usize>) = (Vec::new(), changes.keys().copied().collect());
        loop {
            let waits = |place: &usize| {
                references.iter().any(|reference| {
                    let (own, other) = if changes[place] { (reference.to, reference.from) } else { (reference.from, reference.to) };
                    own == *place && left.contains(&other)
                })
            };
            let Some(next) = left.iter().copied().find(|place| !waits(place)) else { return (order, left) };
            left.remove(&next);
            order.push(next);
        }
    }

    /// Foreign keys of circles are made again around the change.
    pub(super) fn break_circles(&mut self) {
        let (_, left) = self.persistence_order();
        if left.is_empty() {
            return;
        }
        for key in self.references().into_iter().filter(|key| left.contains(&key.from) && left.contains(&key.to)) {
            self.fates[key.place] = Fate::Rebuild;
        }
    }
}
