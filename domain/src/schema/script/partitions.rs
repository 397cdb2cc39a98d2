//! Partitions and what they are partitions of: who is detached, and who would go with whom.

use super::{fate::Fate, graph::Dependent, plan::Plan, statement::Hazard};
use crate::schema::{
    Kind, Object, ObjectMap,
    sql::{TableText, ident},
};

/// A partition that stands on its own in the map, and its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attachment {
    /// The object that says so.
    pub(super) place: usize,
    pub(super) partition: usize,
    pub(super) parent: usize,
}

/// All of a map.
pub(super) fn attachments_of(map: &ObjectMap) -> Vec<Attachment> {
    let attached = map.objects().iter().enumerate().filter(|(_, object)| object.identity.kind == Kind::TableAttach);
    attached.filter_map(|(place, object)| of(place, object)).collect()
}

fn of(place: usize, attached: &Object) -> Option<Attachment> {
    let partition = *attached.requires.first()?;
    let parent = *attached.requires.iter().find(|required| **required != partition)?;
    Some(Attachment { place, partition, parent })
}

impl Plan<'_> {
    /// Whether a table is a partition of the target that is detached, to be attached again elsewhere or not at all.
    pub(super) fn is_detached(&self, table: usize) -> bool {
        self.attachments.iter().any(|attachment| attachment.partition == table && self.is_dropped(attachment.place))
    }

    /// Whether a partition has to be detached by a statement: else it goes with its own table, and in time.
    pub(super) fn is_detached_by_hand(&self, place: usize) -> bool {
        let Some(attachment) = self.attachments.iter().find(|attachment| attachment.place == place) else { return true };
        let goes = matches!(self.fates[attachment.partition], Fate::Remove);
        !goes || !self.is_dropped(attachment.parent) && (self.gets_other_partitions(attachment.parent) || self.is_referred_to(attachment.parent))
    }

    /// Whether a foreign key is of a partitioned table or of one that it is a partition of: no partition of it is dropped while it is one.
    fn is_referred_to(&self, table: usize) -> bool {
        let is_of_it = |dependent: &Dependent| *self.kind(dependent.place) == Kind::FkConstraint && !dependent.automatic;
        let mut above = self.attachments.iter().filter(|attachment| attachment.partition == table && !self.is_dropped(attachment.place));
        self.graph.dependents(table).iter().any(is_of_it) || above.any(|attachment| self.is_referred_to(attachment.parent))
    }

    /// Whether partitions are attached to a table that stays: their bounds may overlap with those of partitions that go.
    fn gets_other_partitions(&self, parent: usize) -> bool {
        let Some(parent) = self.in_source[parent] else { return false };
        let is_new = |place: usize| {
            let identity = &self.source.map.objects()[place].identity;
            self.target.map.place(identity).is_none_or(|place| self.fates[place] == Fate::Rebuild)
        };
        self.attachments_wanted.iter().any(|attachment| attachment.parent == parent && is_new(attachment.place))
    }

    /// The partitions of a table that stay when it goes.
    pub(super) fn staying_partitions(&self, parent: usize) -> impl Iterator<Item = &Attachment> {
        self.attachments.iter().filter(move |attachment| attachment.parent == parent && self.fates[attachment.partition] != Fate::Remove)
    }

    /// Partitions that are the same in both, and lose checks with their parent that they have to get again as their own.
    pub(super) fn partitions_losing_checks(&self, parent: usize) -> Vec<usize> {
        let Some(change) = self.tables.get(&parent) else { return Vec::new() };
        let lost: Vec<_> = change.old.constraints.iter().filter(|check| !change.new.constraints.contains(check)).collect();
        let has_lost = |table: &TableText| lost.iter().any(|check| table.constraints.contains(check));
        let partitions = self.attachments.iter().filter(|attachment| attachment.parent == parent && !self.is_dropped(attachment.place));
        let same = partitions.map(|attachment| attachment.partition).filter(|partition| !lost.is_empty() && self.fates[*partition] == Fate::Keep);
        same.filter(|partition| TableText::read(&self.target.map.objects()[*partition].definition).as_ref().is_some_and(has_lost)).collect()
    }

    /// The foreign keys of its parent that a partition keeps as its own when it is detached: they are dropped, and made again where they are wanted.
    pub(super) fn keys_left_by_the_parent(&self, attached: usize) -> Vec<(String, Vec<Hazard>)> {
        let Some(attachment) = self.attachments.iter().find(|attachment| attachment.place == attached) else { return Vec::new() };
        let partition = &self.target.map.objects()[attachment.partition];
        let names = partition.address.and_then(|address| self.target.facts.inherited_keys.get(&address.object));
        let Some(schema) = partition.identity.schema.as_deref().filter(|_| self.fates[attachment.partition] != Fate::Remove) else {
            return Vec::new();
        };
        let table = format!("{}.{}", ident(schema), ident(&partition.identity.name));
        let drop = |name: &String| (format!("ALTER TABLE {table} DROP CONSTRAINT {}", ident(name)), vec![Hazard::ExclusiveLock]);
        names.into_iter().flatten().map(drop).collect()
    }
}
