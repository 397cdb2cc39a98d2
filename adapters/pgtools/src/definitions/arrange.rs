//! What of a dump's entries can be restored at the same time: what belongs to different tables and waits for nothing else.

use crate::schema::archive::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Entries in the order in which they are restored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arranged<'a> {
    /// One after the other.
    pub(crate) first: Vec<&'a Entry>,
    /// Groups at the same time, each in its order: no group needs or locks anything of another.
    pub(crate) groups: Vec<Vec<&'a Entry>>,
    /// Foreign keys, when all groups are there: each locks two tables.
    pub(crate) keys: Vec<&'a Entry>,
    /// One after the other, when all of those are there.
    pub(crate) last: Vec<&'a Entry>,
}

/// What there is to know of a whole dump.
#[derive(Debug, Default)]
pub(crate) struct Relations {
    /// Those that others are made for.
    pub(crate) tables: HashSet<i64>,
    /// Of them, those that have parts or are one: who locks the whole locks its parts.
    pub(crate) partitioned: HashSet<i64>,
}

impl Relations {
    pub(crate) fn of(entries: &[Entry]) -> Self {
        const TABLES: [&str; 3] = ["TABLE", "MATERIALIZED VIEW", "FOREIGN TABLE"];
        Self {
            tables: entries.iter().filter(|entry| TABLES.contains(&entry.kind.as_str())).map(|entry| entry.id).collect(),
            partitioned: entries.iter().filter(|entry| entry.kind == "TABLE ATTACH").flat_map(|entry| entry.requires.iter().copied()).collect(),
        }
    }
}

/// Kinds that belong to one table each.
const OF_ONE_TABLE: [&str; 7] = ["TABLE", "SEQUENCE", "SEQUENCE OWNED BY", "DEFAULT", "INDEX", "CONSTRAINT", "COMMENT"];

/// Arranges entries that a dump has in an order that works: what is made for the same table stays together.
pub(crate) fn arrange<'a>(entries: &[&'a Entry], Relations { tables, partitioned }: &Relations) -> Arranged<'a> {
    let mut arranged = Arranged::default();
    let mut sets = Sets::default();
    // Where each entry went.
    let (mut grouped, mut last, mut others) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut in_groups = Vec::new();
    for &entry in entries {
        let waits = entry.requires.iter().any(|id| last.contains(id));
        let of_one_table = OF_ONE_TABLE.contains(&entry.kind.as_str());
        if waits || (!of_one_table && entry.requires.iter().any(|id| grouped.contains(id) || tables.contains(id))) {
            last.insert(entry.id);
            let key = entry.kind == "FK CONSTRAINT" && !entry.requires.iter().any(|id| others.contains(id) || partitioned.contains(id));
            if key {
                arranged.keys.push(entry);
            } else {
                others.insert(entry.id);
                arranged.last.push(entry);
            }
        } else if of_one_table {
            grouped.insert(entry.id);
            for id in entry.requires.iter().filter(|id| grouped.contains(id) || tables.contains(id)) {
                sets.join(entry.id, *id);
            }
            in_groups.push(entry);
        } else {
            arranged.first.push(entry);
        }
    }
    let mut groups: BTreeMap<i64, Vec<&Entry>> = BTreeMap::new();
    for entry in in_groups {
        groups.entry(sets.of(entry.id)).or_default().push(entry);
    }
    arranged.groups = groups.into_values().collect();
    arranged
}

/// Deals groups out, the biggest first, each to whoever has least.
pub(crate) fn deal(mut groups: Vec<Vec<&Entry>>, hands: usize) -> Vec<Vec<&Entry>> {
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let mut dealt: Vec<Vec<&Entry>> = vec![Vec::new(); hands.max(1)];
    for group in groups {
        if let Some(least) = dealt.iter_mut().min_by_key(|hand| hand.len()) {
            least.extend(group);
        }
    }
    dealt
}

/// Deals foreign keys out so that no two hands touch the same table, as far as that goes: the tables are walked along their keys, and each hand has a
/// stretch of that walk. Gives what lies across, too.
pub(crate) fn deal_keys<'a>(keys: &[&'a Entry], tables: &HashSet<i64>, hands: usize) -> (Vec<Vec<&'a Entry>>, Vec<&'a Entry>) {
    let ends = |key: &Entry| key.requires.iter().copied().filter(|id| tables.contains(id)).collect::<Vec<i64>>();
    let mut near: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for key in keys {
        let ends = ends(key);
        for end in &ends {
            near.entry(*end).or_default().extend(ends.iter().filter(|other| *other != end));
        }
    }
    let mut places: HashMap<i64, usize> = HashMap::new();
    // From the tables with the fewest neighbours on, so that a walk begins where a chain does.
    let mut starts: Vec<i64> = near.keys().copied().collect();
    starts.sort_by_key(|table| near[table].len());
    for start in starts {
        let mut open = vec![start];
        while let Some(table) = open.pop() {
            let place = places.len();
            if let std::collections::hash_map::Entry::Vacant(vacant) = places.entry(table) {
                vacant.insert(place);
                open.extend(&near[&table]);
            }
        }
    }
    let stretch = |table: &i64| places[table] * hands.max(1) / places.len();
    let (mut dealt, mut across) = (vec![Vec::new(); hands.max(1)], Vec::new());
    for &key in keys {
        let stretches: HashSet<usize> = ends(key).iter().map(stretch).collect();
        match stretches.into_iter().collect::<Vec<_>>()[..] {
            [hand] => dealt[hand].push(key),
            _ => across.push(key),
        }
    }
    (dealt, across)
}

/// Disjoint sets, each named by one of its members.
#[derive(Default)]
struct Sets {
    towards: HashMap<i64, i64>,
}

impl Sets {
    fn of(&mut self, member: i64) -> i64 {
        let mut name = member;
        while let Some(&next) = self.towards.get(&name) {
            name = next;
        }
        if name != member {
            self.towards.insert(member, name);
        }
        name
    }

    fn join(&mut self, one: i64, other: i64) {
        let (one, other) = (self.of(one), self.of(other));
        if one != other {
            self.towards.insert(one.max(other), one.min(other));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Relations, arrange, deal, deal_keys};
    use crate::schema::archive::Entry;
    use std::collections::HashSet;

    fn entry(id: i64, kind: &str, requires: &[i64]) -> Entry {
        Entry { id, kind: kind.to_owned(), requires: requires.to_vec(), ..Entry::default() }
    }

    fn ids(entries: &[&Entry]) -> Vec<i64> {
        entries.iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn tables_are_made_side_by_side_and_what_needs_them_last() {
        let entries = [
            entry(1, "SCHEMA", &[]),
            entry(2, "TYPE", &[1]),
            entry(3, "TABLE", &[1, 2]),
            entry(4, "FUNCTION", &[3]),
            entry(5, "TABLE", &[1, 4]),
            entry(6, "TABLE", &[1]),
            entry(7, "SEQUENCE", &[6]),
            entry(8, "TABLE", &[1, 6]),
            entry(9, "VIEW", &[3]),
            entry(10, "COMMENT", &[9]),
            entry(11, "COMMENT", &[3]),
            entry(12, "FUNCTION", &[1]),
        ];
        let arranged = arrange(&entries.iter().collect::<Vec<_>>(), &Relations { tables: HashSet::from([3, 5, 6, 8]), partitioned: HashSet::new() });
        assert_eq!(ids(&arranged.first), [1, 2, 12]);
        assert_eq!(arranged.groups.iter().map(|group| ids(group)).collect::<Vec<_>>(), [vec![3, 11], vec![6, 7, 8]]);
        assert_eq!(ids(&arranged.last), [4, 5, 9, 10]);
    }

    #[test]
    fn what_is_made_for_one_table_stays_together_and_keys_to_others_come_last() {
        let entries = [
            entry(11, "CONSTRAINT", &[1]),
            entry(12, "CONSTRAINT", &[2]),
            entry(13, "INDEX", &[1]),
            entry(14, "FK CONSTRAINT", &[1, 2, 12]),
            entry(15, "INDEX ATTACH", &[13, 12]),
            entry(16, "COMMENT", &[14]),
            entry(17, "TRIGGER", &[2]),
        ];
        let entries: Vec<_> = entries.iter().collect();
        let mut relations = Relations { tables: HashSet::from([1, 2]), partitioned: HashSet::from([2]) };
        assert_eq!(ids(&arrange(&entries, &relations).last), [14, 15, 16, 17]);
        relations.partitioned.clear();
        let arranged = arrange(&entries, &relations);
        assert_eq!(arranged.groups.iter().map(|group| ids(group)).collect::<Vec<_>>(), [vec![11, 13], vec![12]]);
        assert_eq!((ids(&arranged.first), ids(&arranged.keys), ids(&arranged.last)), (vec![], vec![14], vec![15, 16, 17]));
        let dealt = deal(arranged.groups, 2);
        assert_eq!(dealt.iter().map(|hand| ids(hand)).collect::<Vec<_>>(), [vec![11, 13], vec![12]]);
    }

    #[test]
    fn a_chain_of_keys_is_cut_once() {
        let keys: Vec<Entry> = (1..10).map(|table| entry(100 + table, "FK CONSTRAINT", &[(table * 7) % 10, ((table - 1) * 7) % 10])).collect();
        let (dealt, across) = deal_keys(&keys.iter().collect::<Vec<_>>(), &(0..10).collect(), 2);
        assert_eq!((dealt[0].len(), dealt[1].len(), across.len()), (4, 4, 1));
        let touched = |hand: &[&Entry]| hand.iter().flat_map(|key| key.requires.clone()).collect::<HashSet<_>>();
        assert!(touched(&dealt[0]).is_disjoint(&touched(&dealt[1])));
        assert_eq!(deal_keys(&[], &HashSet::new(), 2).1.len(), 0);
    }
}
