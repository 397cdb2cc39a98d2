//! Fates that others decide: the tables that parts belong to, the columns that have a type.

use super::{
    fate::{Fate, unchecked},
    graph::{Dependent, Graph, Part},
    partitions::Attachment,
    types,
};
use crate::schema::{Kind, Object, SchemaSnapshot, sql::TableText};
use std::collections::BTreeSet;

/// Partitions that the source has not, of a table that cannot be changed: they hold its rows, and are left with it, and so is what belongs to them.
pub(super) fn leave_partitions(target: &SchemaSnapshot, in_source: &[Option<usize>], attachments: &[Attachment], fates: &mut [Fate]) {
    let objects = target.map.objects();
    let mut left = BTreeSet::new();
    for attachment in attachments {
        if fates[attachment.partition] == Fate::Remove && (left.contains(&attachment.parent) || matches!(fates[attachment.parent], Fate::Blocked(_)))
        {
            left.insert(attachment.partition);
        }
    }
    for (place, object) in objects.iter().enumerate() {
        let of_those = object.requires.iter().any(|on| left.contains(on) && in_source[*on].is_none());
        let belongs = object.identity.kind.hangs_on_a_relation() || object.address.is_none();
        if left.contains(&place) || (of_those && belongs && in_source[place].is_none()) {
            left.insert(place);
            fates[place] = Fate::Blocked("it is part of a partitioned table that is not changed".to_owned());
        }
    }
}

/// Why a server that somebody has a mapping on cannot be dropped; no diff speaks of that mapping: it may hold a password.
pub(super) const MAPPED: &str = "user mappings stand on it: drop them first, or change it by ALTER SERVER";

/// Whether somebody has a mapping on a server.
pub(super) fn is_mapped(target: &SchemaSnapshot, object: &Object) -> bool {
    let is_it = |object: u32| target.facts.mapped_servers.contains(&object);
    object.identity.kind == Kind::Server && object.address.is_some_and(|address| is_it(address.object))
}

/// Servers that somebody has a mapping on stay.
pub(super) fn keep_mapped_servers(target: &SchemaSnapshot, fates: &mut [Fate]) {
    for (place, object) in target.map.objects().iter().enumerate() {
        if is_mapped(target, object) && matches!(fates[place], Fate::Rebuild | Fate::Remove) {
            fates[place] = Fate::Blocked(MAPPED.to_owned());
        }
    }
}

/// A trigger of the parent's is there anew in a partition that was attached again, and switched on: it has to be switched again.
pub(super) fn switch_triggers_again(target: &SchemaSnapshot, attachments: &[Attachment], fates: &mut [Fate]) {
    for (place, object) in target.map.objects().iter().enumerate() {
        let switches = object.identity.kind == Kind::Trigger && object.drop.is_none() && fates[place] == Fate::Keep;
        let is_anew = |attachment: &&Attachment| object.requires.contains(&attachment.partition) && fates[attachment.place] == Fate::Rebuild;
        if switches && attachments.iter().any(|attachment| is_anew(&attachment)) {
            fates[place] = Fate::Rebuild;
        }
    }
}

/// Composite types that columns have, or typed tables are of, are changed by what their rows can follow.
pub(super) fn change_used_types(target: &SchemaSnapshot, source: &SchemaSnapshot, in_source: &[Option<usize>], graph: &Graph, fates: &mut [Fate]) {
    let objects = target.map.objects();
    for (place, object) in objects.iter().enumerate() {
        if !matches!(object.identity.kind, Kind::Type | Kind::Domain) || !matches!(fates[place], Fate::Alter(_) | Fate::Rebuild) {
            continue;
        }
        let Some(new) = in_source[place].map(|at| &source.map.objects()[at]) else { continue };
        let mut dependents: Vec<&Dependent> = graph.dependents(place).iter().collect();
        let mut at = 0;
        // Types are made of types.
        while let Some(dependent) = dependents.get(at).copied() {
            if matches!(objects[dependent.place].identity.kind, Kind::Type | Kind::Domain) {
                let further = graph.dependents(dependent.place).iter().filter(|further| !dependents.iter().any(|known| known == further));
                let further: Vec<&Dependent> = further.collect();
                dependents.extend(further);
            }
            at += 1;
        }
        let in_columns = dependents.iter().any(|dependent| matches!(dependent.part, Part::Column(_)));
        let of_it = |dependent: &&Dependent| {
            let object = &objects[dependent.place];
            object.identity.kind == Kind::Table && object.definition.split_once('(').is_none_or(|(head, _)| head.contains(" OF "))
        };
        let typed = graph.dependents(place).iter().any(|dependent| of_it(&dependent));
        if let Some(fate) = types::change_used(object, new, in_columns, typed) {
            fates[place] = fate;
        }
        // PostgreSQL checks no values within others.
        let within = |dependent: &&Dependent| match &dependent.part {
            Part::Column(column) => {
                let columns = target.columns(&objects[dependent.place]);
                columns.iter().any(|fact| fact.name == *column && fact.type_name.contains("[]"))
            }
            _ => objects[dependent.place].identity.kind == Kind::Type,
        };
        if in_columns && types::checks_values(&fates[place]) && dependents.iter().any(within) {
            fates[place] = Fate::Rebuild;
        }
    }
}

/// Checks that were not checked over the rows that are there, and are in the source: they need not be dropped for that.
pub(super) fn validate_checks(target: &SchemaSnapshot, source: &SchemaSnapshot, in_source: &[Option<usize>], fates: &mut [Fate]) {
    for (place, object) in target.map.objects().iter().enumerate() {
        let Some(check) = unchecked(object).filter(|_| fates[place] == Fate::Remove) else { continue };
        let tables = object.requires.iter().filter(|on| fates[**on] == Fate::Table).filter_map(|on| in_source[*on]);
        let mut texts = tables.filter_map(|at| TableText::read(&source.map.objects()[at].definition));
        if texts.any(|table| table.constraints.contains(&check)) {
            fates[place] = Fate::Validate;
        }
    }
}
