//! The change of a table, begun: its columns before and after, and those it has them with.

use super::{
    fate::{Fate, unchecked},
    inheritance::{Heir, gained, parents, with_ancestors},
    partitions::Attachment,
    plan::Plan,
    table::TableChange,
};
use crate::schema::{Kind, Object, SchemaSnapshot, sql::TableText};
use std::{collections::BTreeSet, sync::Arc};

impl Plan<'_> {
    /// `None` where its definition cannot be taken apart.
    pub(super) fn begin_table(&self, place: usize) -> Option<TableChange> {
        let object = &self.target.map.objects()[place];
        let at = self.in_source[place]?;
        let new = &self.source.map.objects()[at];
        let (old_text, new_text) = (TableText::read(&object.definition)?, TableText::read(&new.definition)?);
        let named = |snapshot: &SchemaSnapshot, name: &str| {
            let tables = snapshot.map.objects().iter().filter(|object| object.identity.kind == Kind::Table);
            tables.filter_map(|object| TableText::read(&object.definition)).find(|table| table.name == name)
        };
        let mut change = TableChange {
            joined: with_ancestors(gained(&old_text, &new_text).into_iter().filter_map(|name| named(self.source, name)).collect(), |name| {
                named(self.source, name)
            }),
            old: old_text,
            new: new_text,
            facts: self.target.columns(object).to_vec(),
            new_facts: self.source.columns(new).to_vec(),
            heirs: self.heirs(&object.definition),
            kept_parents: Vec::new(),
            parent: self.parent(place),
            major: self.target.facts.server_major,
            old_domains: Arc::clone(&self.domains.0),
            new_domains: Arc::clone(&self.domains.1),
            suspended_defaults: BTreeSet::new(),
            suspended_checks: BTreeSet::new(),
            retyped: BTreeSet::new(),
            regenerated: BTreeSet::new(),
            validated: self.validated(place),
        };
        let (before, after) = (parents(&change.old), parents(&change.new));
        let kept = before.iter().filter(|parent| after.contains(parent));
        change.kept_parents = kept.filter_map(|parent| Some((named(self.target, parent)?, named(self.source, parent)?))).collect();
        change.take_over_lost_columns(|name| named(self.target, name));
        change.take_over_kept_columns();
        Some(change)
    }

    /// Checks of a table that are only validated, as it has them in the source.
    fn validated(&self, table: usize) -> Vec<(String, String)> {
        let objects = self.target.map.objects().iter().zip(&self.fates);
        let own = objects.filter(|(object, fate)| object.requires.contains(&table) && **fate == Fate::Validate);
        own.filter_map(|(object, _)| unchecked(object)).collect()
    }

    /// The tables that inherit from one, and go on to.
    fn heirs(&self, definition: &str) -> Vec<Heir> {
        let Some(parent) = TableText::read(definition) else { return Vec::new() };
        let of = |object: &Object| TableText::read(&object.definition).filter(|heir| parents(heir).contains(&parent.name.as_str()));
        let tables = self
            .target
            .map
            .objects()
            .iter()
            .enumerate()
            .filter(|(_, object)| object.identity.kind == Kind::Table && object.definition.contains("\nINHERITS ("));
        let both = tables.filter_map(|(place, object)| Some((of(object)?, of(&self.source.map.objects()[self.in_source[place]?])?)));
        both.map(|(old, new)| Heir { old, new }).collect()
    }

    /// The partitioned table of a partition that stays where it is, before and after.
    fn parent(&self, place: usize) -> Option<(TableText, TableText)> {
        if self.is_detached(place) {
            return None;
        }
        let in_source = self.in_source[place]?;
        let parent = |snapshot: &SchemaSnapshot, attachments: &[Attachment], table: usize| {
            let attached = attachments.iter().find(|attachment| attachment.partition == table)?;
            TableText::read(&snapshot.map.objects()[attached.parent].definition)
        };
        let before = parent(self.target, &self.attachments, place)?;
        let after = parent(self.source, &self.attachments_wanted, in_source)?;
        (before.name == after.name).then_some((before, after))
    }
}
