//! What the script makes: what is new, what is made again, and what has to be said again.

use super::{
    fate::Fate,
    plan::Plan,
    removal::{is_column, said_of_constraint},
    types::check_comes_again,
};
use crate::schema::{Object, sql::bare};
use std::collections::BTreeSet;

/// What is new, what is made again, and what was said of those.
pub(super) fn made(plan: &Plan<'_>) -> BTreeSet<usize> {
    let source = plan.source.map.objects();
    let is_made = |object: &Object| plan.target.map.place(&object.identity).is_none_or(|place| plan.fates[place] == Fate::Rebuild);
    let mut made: BTreeSet<usize> = source.iter().enumerate().filter(|(_, object)| is_made(object)).map(|(place, _)| place).collect();
    let said: Vec<usize> = source.iter().enumerate().filter(|(_, object)| object.address.is_none()).map(|(place, _)| place).collect();
    for place in said {
        let object = &source[place];
        let bearer_is_made = object.requires.iter().any(|required| made.contains(required) && source[*required].address.is_some());
        if bearer_is_made || is_of_new_column(plan, object) || is_of_new_check(plan, object) {
            made.insert(place);
        }
    }
    made.retain(|place| !plan.unmade.contains_key(place));
    made
}

fn is_of_new_column(plan: &Plan<'_>, object: &Object) -> bool {
    let Some(name) = object.identity.name.strip_prefix("COLUMN ") else { return false };
    let tables = object.requires.iter().filter_map(|required| plan.target.map.place(&plan.source.map.objects()[*required].identity));
    let change = tables.into_iter().find_map(|place| plan.tables.get(&place));
    change.is_some_and(|change| change.new.columns.iter().any(|column| is_column(name, &column.name) && change.comes_again(&bare(&column.name))))
}

/// Of `COMMENT ON CONSTRAINT c ON t`, and the same of a domain: whether the constraint is dropped and made again where its bearer is changed in place.
fn is_of_new_check(plan: &Plan<'_>, object: &Object) -> bool {
    let Some(name) = said_of_constraint(object) else { return false };
    let source = plan.source.map.objects();
    object.requires.iter().any(|required| {
        let Some(place) = plan.target.map.place(&source[*required].identity) else { return false };
        match plan.tables.get(&place) {
            Some(change) => change.check_comes_again(&name),
            None => matches!(plan.fates[place], Fate::Alter(_)) && check_comes_again(&plan.target.map.objects()[place], &source[*required], &name),
        }
    })
}
