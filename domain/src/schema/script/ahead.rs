//! What the script makes before it changes tables: what their new columns and checks may call.

use super::{fate::Fate, plan::Plan};
use crate::schema::{
    Kind, Object,
    sql::{SequenceText, bare},
};
use std::collections::{BTreeMap, BTreeSet};

/// New sequences and tables, with all that they need, by their places in the source. A function speaks of them in its body, which nobody's dependencies tell.
pub(super) fn ahead(plan: &Plan<'_>, made: &BTreeSet<usize>) -> BTreeSet<usize> {
    let source = plan.source.map.objects();
    let mut ahead = BTreeSet::new();
    if plan.tables.is_empty() {
        return ahead;
    }
    for place in made.iter().filter(|place| source[**place].identity.kind == Kind::Table || is_bare_sequence(&source[**place])) {
        ahead.extend(all_needed(plan, made, *place).into_iter().flatten());
    }
    ahead
}

fn is_bare_sequence(object: &Object) -> bool {
    object.identity.kind == Kind::Sequence && SequenceText::read(&object.definition).is_some_and(|sequence| sequence.identity.is_none())
}

/// What has to be made for an object, and itself; `None` where that stands on something that is changed.
fn all_needed(plan: &Plan<'_>, made: &BTreeSet<usize>, place: usize) -> Option<BTreeSet<usize>> {
    let source = plan.source.map.objects();
    let (mut needed, mut reached) = (BTreeSet::from([place]), vec![place]);
    while let Some(place) = reached.pop() {
        // A sequence stands on the table that owns it only once that is said.
        let stands_on = |on: &&usize| !is_bare_sequence(&source[place]) || source[**on].identity.kind == Kind::Schema;
        for on in source[place].requires.iter().filter(stands_on) {
            if made.contains(on) {
                if needed.insert(*on) {
                    reached.push(*on);
                }
            } else if plan.target.map.place(&source[*on].identity).is_none_or(|before| plan.fates[before] != Fate::Keep) {
                return None;
            }
        }
    }
    Some(needed)
}

/// What new columns of tables that are there get as they are added, so that their rows have it: an identity, a default that is an object by itself.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// By the table's place in the target and the column's name.
    columns: BTreeMap<(usize, String), GivenColumn>,
    /// Objects of the source that are said with it.
    pub(super) said: BTreeSet<usize>,
}

/// What one column gets.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenColumn {
    /// `GENERATED ALWAYS AS IDENTITY (..)`.
    pub(super) identity: Option<String>,
    /// The expression.
    pub(super) default: Option<String>,
}

impl Given {
    pub(super) fn new(plan: &Plan<'_>, made: &BTreeSet<usize>, ahead: &BTreeSet<usize>) -> Self {
        let mut given = Self::default();
        for place in made {
            let object = &plan.source.map.objects()[*place];
            let word = match object.identity.kind {
                Kind::Sequence => " ADD GENERATED ",
                Kind::Default if is_at_hand(plan, made, ahead, object) => " SET DEFAULT ",
                _ => continue,
            };
            let Some((key, text)) = column_given(plan, &object.definition, word) else { continue };
            let column = given.columns.entry(key).or_default();
            if object.identity.kind == Kind::Sequence {
                column.identity = Some(format!("GENERATED {text}"));
            } else {
                column.default = Some(text);
            }
            given.said.insert(*place);
        }
        given
    }

    /// What the new columns of a table get.
    pub(super) fn of(&self, table: usize, column: &str) -> GivenColumn {
        self.columns.get(&(table, bare(column))).cloned().unwrap_or_default()
    }
}

/// Of `ALTER TABLE t ALTER COLUMN c SET DEFAULT x`: the table and column, where the column is new and added by itself, and `x`.
fn column_given(plan: &Plan<'_>, definition: &str, word: &str) -> Option<((usize, String), String)> {
    let statement = definition.trim().trim_end_matches(';');
    let rest = statement.strip_prefix("ALTER TABLE ONLY ").or_else(|| statement.strip_prefix("ALTER TABLE "))?;
    let (head, text) = rest.split_once(word)?;
    let (table, column) = head.split_once(" ALTER COLUMN ")?;
    let (place, change) = plan.tables.iter().find(|(_, change)| change.new.name == table)?;
    let is_added = change.new.column(column).is_some() && change.old.column(column).is_none() && !change.comes_from_parent(column);
    is_added.then(|| ((*place, bare(column)), text.to_owned()))
}

/// Whether all that a default calls is there when its table is changed.
fn is_at_hand(plan: &Plan<'_>, made: &BTreeSet<usize>, ahead: &BTreeSet<usize>, default: &Object) -> bool {
    let source = plan.source.map.objects();
    let Some(table) = default.requires.iter().find(|on| source[**on].identity.kind == Kind::Table) else { return false };
    default.requires.iter().all(|on| on == table || ahead.contains(on) || !made.contains(on) || on < table)
}
