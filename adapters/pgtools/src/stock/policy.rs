//! What stays in the stock, what goes, and what comes next: rules, without a database.

use super::{
    demand::Wanted,
    mark::{Kind, StockMark},
    shelf::MICROSECONDS,
};
use crate::settings::StockSettings;
use domain::DataCloneMode;
use std::collections::{HashMap, HashSet};

/// How often a template that nobody uses is made anew when its parent has changed: a parent that changes all the time must not be read all the time.
const UNUSED_REBUILDS: u32 = 3;

/// What is to go, and what is to be made anew in its place.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Clearance {
    pub(super) goes: Vec<StockMark>,
    /// With the time of the last use, and how often it was made anew since.
    pub(super) again: Vec<(Wanted, i64, u32)>,
    pub(super) stays: Vec<StockMark>,
}

/// Sorts the stock. `fresh` says of each template whether its parent is still as it was copied.
pub(super) fn clear(items: Vec<StockMark>, fresh: &dyn Fn(&StockMark) -> bool, settings: &StockSettings, now: i64) -> Clearance {
    let mut clearance = Clearance::default();
    let (mut templates, spares): (Vec<_>, Vec<_>) = items.into_iter().partition(|mark| mark.kind == Kind::Template);
    // The one used last comes first; of two of one origin, the one that was made last.
    templates.sort_by_key(|mark| std::cmp::Reverse((mark.used_at, mark.made_at)));
    let mut kept: HashSet<Wanted> = HashSet::new();
    for template in templates {
        let wanted = Wanted::from(&template.origin);
        let idle = now.saturating_sub(template.used_at) > seconds(settings.max_idle);
        let aged = template.contents.data_as_of.is_some_and(|at| now.saturating_sub(at / MICROSECONDS) > seconds(settings.max_idle));
        let stale = aged || !fresh(&template);
        let has_place = !idle && kept.len() < settings.max_templates as usize && !kept.contains(&wanted);
        if has_place && !stale {
            kept.insert(wanted);
            clearance.stays.push(template);
            continue;
        }
        if has_place && is_worth_it(&template) {
            let unused = if template.used_at > template.made_at { 0 } else { template.unused_rebuilds + 1 };
            clearance.again.push((wanted, template.used_at, unused));
        }
        clearance.goes.push(template);
    }
    let mut of_template: HashMap<_, u32> = HashMap::new();
    for spare in spares {
        let template = clearance.stays.iter().find(|mark| mark.kind == Kind::Template && is_copy(&spare, mark));
        let count = template.map(|template| of_template.entry(template.id).or_default());
        match count {
            Some(count) if *count < settings.spares => {
                *count += 1;
                clearance.stays.push(spare);
            }
            _ => clearance.goes.push(spare),
        }
    }
    clearance
}

/// Copies without rows are cheap to make anew. One with rows is read from the parent only for who asked for it since.
fn is_worth_it(template: &StockMark) -> bool {
    let used = template.used_at > template.made_at;
    used || (template.origin.mode != DataCloneMode::FullClone && template.unused_rebuilds < UNUSED_REBUILDS)
}

pub(super) fn is_copy(spare: &StockMark, template: &StockMark) -> bool {
    spare.origin == template.origin && spare.own_token == template.own_token && spare.contents == template.contents
}

/// What has to go so that this many bytes come free: spares first, then templates, those used longest ago before others.
pub(super) fn make_room(items: &[StockMark], needed: u64) -> Option<Vec<StockMark>> {
    let mut order: Vec<_> = items.iter().collect();
    order.sort_by_key(|mark| (mark.kind == Kind::Template, mark.used_at, mark.made_at));
    let mut goes = Vec::new();
    let mut freed = 0;
    for mark in order {
        if freed >= needed {
            break;
        }
        freed += mark.bytes;
        goes.push(mark.clone());
    }
    (freed >= needed).then_some(goes)
}

/// The template that lacks a spare, the one used last before others.
pub(super) fn next_spare<'a>(items: &'a [StockMark], settings: &StockSettings) -> Option<&'a StockMark> {
    let lacks = |template: &&StockMark| {
        let spares = items.iter().filter(|mark| mark.kind == Kind::Spare && is_copy(mark, template)).count();
        spares < settings.spares as usize
    };
    items.iter().filter(|mark| mark.kind == Kind::Template).filter(lacks).max_by_key(|mark| (mark.used_at, mark.made_at))
}

fn seconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{clear, make_room, next_spare};
    use crate::{
        settings::StockSettings,
        stock::mark::{Kind, StockMark, tests::mark},
    };
    use domain::DataCloneMode;
    use std::time::Duration;

    const NOW: i64 = 2000;

    fn settings() -> StockSettings {
        StockSettings { max_templates: 2, spares: 1, max_idle: Duration::from_secs(5000), ..StockSettings::default() }
    }

    fn used(mut mark: StockMark, at: i64) -> StockMark {
        mark.used_at = at;
        mark
    }

    fn ids(marks: &[StockMark]) -> Vec<u128> {
        marks.iter().map(|mark| mark.id.as_u128()).collect()
    }

    #[test]
    fn too_many_and_idle_ones_go_the_longest_unused_first() {
        let items = vec![
            used(mark(Kind::Template, 1, 1), 1500),
            used(mark(Kind::Template, 2, 2), 1700),
            used(mark(Kind::Template, 3, 3), 1600),
            mark(Kind::Spare, 4, 1),
            mark(Kind::Spare, 5, 2),
            mark(Kind::Spare, 6, 2),
        ];
        let cleared = clear(items.clone(), &|_| true, &settings(), NOW);
        assert_eq!((ids(&cleared.stays), ids(&cleared.goes)), (vec![2, 3, 5], vec![1, 4, 6]));
        assert!(cleared.again.is_empty());
        let cleared = clear(items, &|_| true, &settings(), 6650);
        assert_eq!(ids(&cleared.stays), [2, 5]);
    }

    #[test]
    fn a_stale_one_is_made_anew_until_nobody_seems_to_want_it() {
        let template = used(mark(Kind::Template, 1, 1), 1001);
        let again = |template: &StockMark| clear(vec![template.clone()], &|_| false, &settings(), NOW).again.first().map(|(_, _, unused)| *unused);
        assert_eq!(again(&template), Some(0));
        let unused = |rebuilds| StockMark { used_at: 900, unused_rebuilds: rebuilds, ..template.clone() };
        assert_eq!((again(&unused(0)), again(&unused(2)), again(&unused(3))), (Some(1), Some(3), None));
        let mut full = unused(0);
        full.origin.mode = DataCloneMode::FullClone;
        assert_eq!(again(&full), None);
        full.used_at = 1001;
        assert_eq!(again(&full), Some(0));
    }

    #[test]
    fn room_is_made_of_spares_first() {
        let items = [used(mark(Kind::Template, 1, 1), 1), mark(Kind::Template, 2, 2), mark(Kind::Spare, 3, 2)];
        assert_eq!(ids(&make_room(&items, 5).unwrap()), [3]);
        assert_eq!(ids(&make_room(&items, 15).unwrap()), [3, 1]);
        assert!(make_room(&items, 35).is_none());
    }

    #[test]
    fn the_template_used_last_gets_its_spare_first() {
        let items = [mark(Kind::Template, 1, 1), used(mark(Kind::Template, 2, 2), 1500)];
        assert_eq!(next_spare(&items, &settings()).unwrap().id.as_u128(), 2);
        let items = [items[0].clone(), items[1].clone(), mark(Kind::Spare, 3, 2)];
        assert_eq!(next_spare(&items, &settings()).unwrap().id.as_u128(), 1);
        let items = [items[1].clone(), items[2].clone()];
        assert_eq!(next_spare(&items, &settings()), None);
    }
}
