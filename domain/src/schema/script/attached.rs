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
use std::collections::{BTreeSet, HashMap};

/// An index of a partition that has another name in the source, with the names as they are written.
struct Renamed {
    index: usize,
    /// What attaches it, and how the source does.
    attached: (usize, usize),
    identity: Identity,
    /// With its schema.
    written: String,
    own: (String, String),
}

/// The target once such indexes have the names that they have in the source, and the statements by which they get them. `None` where none has another.
pub(super) fn renamed(target: &SchemaSnapshot, source: &SchemaSnapshot) -> Option<(SchemaSnapshot, Vec<ScriptStatement>)> {
    let found = other_names(target, source);
    if found.is_empty() {
        return None;
    }
    let mut objects = target.map.objects().to_vec();
    let mut belongings: HashMap<usize, Vec<usize>> = HashMap::new();
    for (place, object) in objects.iter().enumerate().filter(|(_, object)| matches!(object.identity.kind, Kind::Comment | Kind::IndexAttach)) {
        object.requires.iter().for_each(|on| belongings.entry(*on).or_default().push(place));
    }
    let mut script = Vec::new();
    for renamed in &found {
        let sql = format!("ALTER INDEX {} RENAME TO {}", renamed.written, renamed.own.1);
        script.push(ScriptStatement::new(&target.map.objects()[renamed.index].identity, sql, &[Hazard::ExclusiveLock]));
        renamed.apply(&mut objects, belongings.get(&renamed.index).map_or(&[][..], Vec::as_slice));
    }
    for renamed in &found {
        let (old, new) = renamed.attached;
        let new = &source.map.objects()[new];
        objects[old] = with_text(&objects[old], new.identity.clone(), new.definition.clone());
    }
    Some((SchemaSnapshot { map: ObjectMap::new(objects), ..target.clone() }, script))
}

/// Those of one table that are parts of one index in both, and are called otherwise: first those of partitions, then those of theirs.
fn other_names(target: &SchemaSnapshot, source: &SchemaSnapshot) -> Vec<Renamed> {
    let only = |of: &SchemaSnapshot, other: &SchemaSnapshot| -> Vec<usize> {
        let is_it = |object: &Object| object.identity.kind == Kind::IndexAttach && other.map.place(&object.identity).is_none();
        of.map.objects().iter().enumerate().filter(|(_, object)| is_it(object)).map(|(place, _)| place).collect()
    };
    let wanted = only(source, target);
    let mut left = only(target, source);
    if wanted.is_empty() || left.is_empty() {
        return Vec::new();
    }
    let taken: BTreeSet<_> = target.map.objects().iter().flat_map(taken_names).collect();
    let by_part: HashMap<(&str, &Identity), usize> =
        wanted.into_iter().filter_map(|place| index_of(source, &source.map.objects()[place]).map(|index| ((index.of, index.table), place))).collect();
    let (mut found, mut names): (Vec<Renamed>, HashMap<String, String>) = (Vec::new(), HashMap::new());
    loop {
        let known = found.len();
        left.retain(|attached| {
            let Some(before) = index_of(target, &target.map.objects()[*attached]) else { return false };
            let of = names.get(before.of).map_or(before.of, String::as_str);
            let Some(new) = by_part.get(&(of, before.table)).copied() else { return true };
            let Some(after) = index_of(source, &source.map.objects()[new]) else { return false };
            let new_index = &source.map.objects()[after.place];
            let is_free = taken_names(new_index).iter().all(|name| !taken.contains(name)) && target.map.place(&new_index.identity).is_none();
            if is_free && new_index.identity.kind == target.map.objects()[before.place].identity.kind {
                names.insert(before.written.to_owned(), after.written.to_owned());
                found.push(Renamed {
                    index: before.place,
                    attached: (*attached, new),
                    identity: new_index.identity.clone(),
                    written: before.written.to_owned(),
                    own: (before.own.to_owned(), after.own.to_owned()),
                });
            }
            false
        });
        if found.len() == known {
            return found;
        }
    }
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

impl Renamed {
    /// In the index itself, in what is said of it and in what attaches others to it.
    fn apply(&self, objects: &mut [Object], belongings: &[usize]) {
        let index = &objects[self.index];
        let drop = index.drop.as_deref().map(|drop| self.in_statements(drop));
        let mut renamed = with_text(index, self.identity.clone(), self.in_statements(&index.definition));
        renamed.drop = drop;
        objects[self.index] = renamed;
        for place in belongings {
            let object = &objects[*place];
            let name = if object.identity.kind == Kind::Comment { self.in_statements(&object.identity.name) } else { object.identity.name.clone() };
            objects[*place] = with_text(object, Identity { name, ..object.identity.clone() }, self.in_statements(&object.definition));
        }
    }

    /// Where it stands first in each statement, which is about it.
    fn in_statements(&self, text: &str) -> String {
        let mut written = text.to_owned();
        let starts: Vec<usize> = statements(text).iter().map(|statement| statement.as_ptr() as usize - text.as_ptr() as usize).collect();
        for start in starts.into_iter().rev() {
            let is_name = |kind| matches!(kind, TokenKind::Word | TokenKind::QuotedName);
            if let Some(token) = Lexer::new(text, start).find(|token| is_name(token.kind) && token.text == self.own.0) {
                written.replace_range(token.start..token.start + token.text.len(), &self.own.1);
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
    let mut going: Vec<usize> = (0..objects.len()).filter(|place| is_index(&objects[*place].identity.kind) && goes(fates, *place)).collect();
    // What stays itself may have parts of its own.
    loop {
        let known = going.len();
        going.retain(|place| match fate_of_part((target, source), in_source, attachments, graph, fates, *place) {
            Some(fate) => {
                fates[*place] = fate;
                false
            }
            None => true,
        });
        if going.len() == known {
            return;
        }
    }
}

/// `None` of what goes with its parent's, or is no part of one.
fn fate_of_part(
    (target, source): (&SchemaSnapshot, &SchemaSnapshot),
    in_source: &[Option<usize>],
    attachments: &[Attachment],
    graph: &Graph,
    fates: &[Fate],
    place: usize,
) -> Option<Fate> {
    let objects = target.map.objects();
    let object = &objects[place];
    let goes = |place: usize| matches!(fates[place], Fate::Remove | Fate::Rebuild);
    let on = graph.dependencies(place);
    let of = on.iter().map(|(on, _, _)| *on).find(|on| *on != place && is_index(&objects[*on].identity.kind) && !goes(*on))?;
    let table = on.iter().map(|(on, _, _)| *on).find(|on| objects[*on].identity.kind == Kind::Table)?;
    if fates[table] == Fate::Remove || attachments.iter().any(|one| one.partition == table && goes(one.place)) {
        return None;
    }
    let in_place = in_source[place].and_then(|at| {
        let new = &source.map.objects()[at];
        let index = format!("{}.{}", ident(object.identity.schema.as_deref()?), ident(&taken_names(object).into_iter().next()?.2));
        options_and_marks(source, &index, object, new)
    });
    let left = || Fate::Blocked(format!("it is a part of {}, which stays", objects[of].identity));
    Some(in_place.map_or_else(left, Alteration::at))
}
