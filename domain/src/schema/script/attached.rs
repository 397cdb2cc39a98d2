//! Indexes and keys of partitions that are parts of their parents': while those stay they can be neither dropped nor made again, only changed where they are.

use super::{
    fate::{Alteration, Fate, options_and_marks},
    graph::Graph,
    names::taken_names,
    partitions::Attachment,
};
use crate::{
    lexer::{Lexer, TokenKind},
    schema::{
        Hazard, Identity, Kind, Object, ObjectMap, SchemaSnapshot, ScriptStatement,
        sql::{bare, ident, split, statements},
    },
};
use std::collections::BTreeSet;

/// An index of a partition that has another name in the source, with the names as they are written.
struct Renamed<'a> {
    index: usize,
    identity: &'a Identity,
    from: String,
    to: String,
}

/// The target once such indexes have the names that they have in the source, and the statements by which they get them. `None` where none has another.
pub(super) fn renamed(target: &SchemaSnapshot, source: &SchemaSnapshot) -> Option<(SchemaSnapshot, Vec<ScriptStatement>)> {
    let taken: BTreeSet<_> = target.map.objects().iter().flat_map(taken_names).collect();
    let is_new = |object: &&Object| object.identity.kind == Kind::IndexAttach && target.map.place(&object.identity).is_none();
    let wanted: Vec<&Object> = source.map.objects().iter().filter(is_new).collect();
    let (mut objects, mut script) = (target.map.objects().to_vec(), Vec::new());
    for (attached, old) in target.map.objects().iter().enumerate().filter(|(_, object)| object.identity.kind == Kind::IndexAttach) {
        if wanted.is_empty() || source.map.place(&old.identity).is_some() {
            continue;
        }
        let same_place =
            |new: &&&Object| index_of(target, old).zip(index_of(source, new)).is_some_and(|(old, new)| old.of == new.of && old.table == new.table);
        let Some(new) = wanted.iter().find(same_place) else { continue };
        let (Some(before), Some(after)) = (index_of(target, old), index_of(source, new)) else { continue };
        let new_index = &source.map.objects()[after.place];
        let is_free = taken_names(new_index).iter().all(|name| !taken.contains(name)) && target.map.place(&new_index.identity).is_none();
        if !is_free || new_index.identity.kind != target.map.objects()[before.place].identity.kind {
            continue;
        }
        let renamed = Renamed { index: before.place, identity: &new_index.identity, from: before.own.to_owned(), to: after.own.to_owned() };
        let sql = format!("ALTER INDEX {} RENAME TO {}", before.written, renamed.to);
        script.push(ScriptStatement::new(&target.map.objects()[before.place].identity, sql, &[Hazard::ExclusiveLock]));
        objects[attached] = with_text(old, new.identity.clone(), new.definition.clone());
        renamed.apply(&mut objects);
    }
    (!script.is_empty()).then(|| (SchemaSnapshot { map: ObjectMap::new(objects), ..target.clone() }, script))
}

/// What an `ALTER INDEX p.i ATTACH PARTITION p.one_i` tells.
struct Index<'a> {
    /// The parent's index.
    of: &'a str,
    /// The partition's, with its schema and without.
    written: &'a str,
    own: &'a str,
    /// Its place, and its table.
    place: usize,
    table: &'a Identity,
}

fn index_of<'a>(snapshot: &'a SchemaSnapshot, attached: &'a Object) -> Option<Index<'a>> {
    let (of, written) = attached.definition.trim().trim_end_matches(';').strip_prefix("ALTER INDEX ")?.split_once(" ATTACH PARTITION ")?;
    let own = *split(written, '.').last()?;
    let objects = snapshot.map.objects();
    let name = |object: &Object| {
        let name = taken_names(object).into_iter().next()?;
        Some(name.2)
    };
    let is_it = |place: &&usize| {
        let object = &objects[**place];
        is_index(&object.identity.kind) && name(object).is_some_and(|name| name == bare(own))
    };
    let index = *attached.requires.iter().find(is_it)?;
    let table = objects[index].requires.iter().map(|on| &objects[*on].identity).find(|identity| identity.kind == Kind::Table)?;
    Some(Index { of, written, own, place: index, table })
}

impl Renamed<'_> {
    /// In the index itself and what is said of it.
    fn apply(&self, objects: &mut [Object]) {
        for (place, object) in objects.iter_mut().enumerate() {
            let (definition, drop) = (self.in_statements(&object.definition), object.drop.as_deref().map(|drop| self.in_statements(drop)));
            if place == self.index {
                *object = with_text(object, self.identity.clone(), definition);
                object.drop = drop;
            } else if matches!(object.identity.kind, Kind::Comment) && object.requires.contains(&self.index) {
                let name = self.in_statements(&object.identity.name);
                *object = with_text(object, Identity { name, ..object.identity.clone() }, definition);
            }
        }
    }

    /// Where it stands first in each statement, which is about it.
    fn in_statements(&self, text: &str) -> String {
        let mut written = text.to_owned();
        let starts: Vec<usize> = statements(text).iter().map(|statement| statement.as_ptr() as usize - text.as_ptr() as usize).collect();
        for start in starts.into_iter().rev() {
            let is_name = |kind| matches!(kind, TokenKind::Word | TokenKind::QuotedName);
            if let Some(token) = Lexer::new(text, start).find(|token| is_name(token.kind) && token.text == self.from) {
                written.replace_range(token.start..token.start + token.text.len(), &self.to);
            }
        }
        written
    }
}

fn with_text(object: &Object, identity: Identity, definition: String) -> Object {
    let mut anew = Object::new(identity, definition, object.drop.clone(), object.address, object.requires.clone());
    anew.unscripted.clone_from(&object.unscripted);
    anew
}

fn is_index(kind: &Kind) -> bool {
    matches!(kind, Kind::Index | Kind::Constraint)
}

/// Of those whose parent's stays: options are set where they are, and what else differs is left.
pub(super) fn change_attached(
    (target, source): (&SchemaSnapshot, &SchemaSnapshot),
    in_source: &[Option<usize>],
    attachments: &[Attachment],
    graph: &Graph,
    fates: &mut [Fate],
) {
    let objects = target.map.objects();
    let goes = |fates: &[Fate], place: usize| matches!(fates[place], Fate::Remove | Fate::Rebuild);
    for (place, object) in objects.iter().enumerate().filter(|(_, object)| is_index(&object.identity.kind)) {
        if !goes(fates, place) {
            continue;
        }
        let on = graph.dependencies(place);
        let of = on.iter().map(|(on, _, _)| *on).find(|on| *on != place && is_index(&objects[*on].identity.kind) && !goes(fates, *on));
        let leaves = |table: usize| fates[table] == Fate::Remove || attachments.iter().any(|one| one.partition == table && goes(fates, one.place));
        let table = on.iter().map(|(on, _, _)| *on).find(|on| objects[*on].identity.kind == Kind::Table);
        let (Some(of), false) = (of, table.is_none_or(leaves)) else { continue };
        let in_place = in_source[place].and_then(|at| {
            let new = &source.map.objects()[at];
            let index = format!("{}.{}", ident(object.identity.schema.as_deref()?), ident(&taken_names(object).into_iter().next()?.2));
            options_and_marks(source, &index, object, new)
        });
        fates[place] = match in_place {
            Some(steps) => Alteration::at(steps),
            None => Fate::Blocked(format!("it is a part of {}, which stays", objects[of].identity)),
        };
    }
}
