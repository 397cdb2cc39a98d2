//! What stands on something that is left: it is left, too, where the old form of that does not serve it; and what something left stands on stays.

use super::{
    fate::{Fate, moves, same_but_for_options, unknown_version},
    graph::{Dependent, Graph, Part},
    names::{TakenName, invalid_index, names_with_members},
    plan::Plan,
    removal::{is_column, said_of_constraint},
    table::TableChange,
};
use crate::schema::{
    ColumnFact, FunctionFact, Kind, Object, SchemaSnapshot,
    sql::{DomainText, TypeText},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What else is left, and why.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Objects of the target that stay as they are.
    pub(super) unchanged: Vec<(usize, String)>,
    /// Objects of the source that are not made.
    pub(super) unmade: BTreeMap<usize, String>,
}

/// An object of the source, or a column of one, that will not be as the source has it.
#[derive(Clone, Copy)]
struct Seed {
    place: usize,
    /// Of a column; 0 for the whole.
    column: i32,
}

struct Listener<'a> {
    plan: &'a Plan<'a>,
    /// Of the source.
    graph: Graph,
    /// Who cannot be there without an object of the source, as the dump has it.
    belongings: HashMap<usize, Vec<usize>>,
    /// Objects of the source that are left.
    known: BTreeSet<usize>,
    seeds: Vec<Seed>,
    found: Left,
}

/// What stands on what the plan leaves.
pub(super) fn left(plan: &Plan<'_>) -> Left {
    let source = plan.source.map.objects();
    let new = source.iter().enumerate().filter(|(_, object)| plan.target.map.place(&object.identity).is_none());
    let kept = names_kept(plan);
    let unmade: BTreeMap<usize, String> = new.filter_map(|(place, object)| Some((place, cannot_be_made(plan, object, &kept)?))).collect();
    let unchanged = plan.fates.iter().enumerate().filter(|(_, fate)| matches!(fate, Fate::Blocked(_))).filter_map(|(place, _)| plan.in_source[place]);
    let known: BTreeSet<usize> = unchanged.chain(unmade.keys().copied()).collect();
    let found = Left { unchanged: stood_on(plan), unmade };
    if known.is_empty() {
        return found;
    }
    let mut belongings: HashMap<usize, Vec<usize>> = HashMap::new();
    for (place, object) in source.iter().enumerate() {
        object.requires.iter().for_each(|on| belongings.entry(*on).or_default().push(place));
    }
    let seeds = known.iter().map(|place| Seed { place: *place, column: 0 }).collect();
    let mut listener = Listener { plan, graph: Graph::new(&plan.source.map, &plan.source.facts), belongings, known, seeds, found };
    while let Some(seed) = listener.seeds.pop() {
        listener.hear(seed);
    }
    listener.found
}

/// What would go while something that stays as it is stands on it.
fn stood_on(plan: &Plan<'_>) -> Vec<(usize, String)> {
    let objects = plan.target.map.objects();
    let left = plan.fates.iter().enumerate().filter(|(_, fate)| matches!(fate, Fate::Blocked(_)));
    let beneath = left.flat_map(|(place, _)| plan.graph.dependencies(place).iter().map(move |(on, _, _)| (place, *on)));
    let goes = beneath.filter(|(_, on)| plan.fates[*on] == Fate::Remove);
    goes.map(|(place, on)| (on, format!("{} stands on it, and is left", objects[place].identity))).collect()
}

/// The names that stay those of what is left, and the source has not.
fn names_kept(plan: &Plan<'_>) -> BTreeMap<TakenName, usize> {
    let objects = plan.target.map.objects();
    let left = (0..objects.len()).filter(|place| matches!(plan.fates[*place], Fate::Blocked(_)) && plan.in_source[*place].is_none());
    left.flat_map(|place| names_with_members(plan.target, &objects[place]).into_iter().map(move |name| (name, place))).collect()
}

/// Why a new object cannot be made, whatever it stands on.
fn cannot_be_made(plan: &Plan<'_>, object: &Object, kept: &BTreeMap<TakenName, usize>) -> Option<String> {
    let names = if kept.is_empty() { Vec::new() } else { names_with_members(plan.source, object) };
    if let Some(place) = names.iter().find_map(|name| kept.get(name)) {
        return Some(format!("{} has its name, and is left", plan.target.map.objects()[*place].identity));
    }
    let tables = || object.requires.iter().filter_map(|on| plan.target.map.place(&plan.source.map.objects()[*on].identity));
    let stays_out = |place: usize| plan.tables.get(&place).is_some_and(TableChange::stays_out);
    match object.identity.kind {
        Kind::Default if tables().any(stays_out) => Some("its table inherits from nobody".to_owned()),
        Kind::Extension => unknown_version(plan.target, object),
        Kind::Index | Kind::Constraint => {
            let index = invalid_index(plan.target, object).filter(|index| index.is_being_built)?;
            Some(format!("an index {}.{} is being built: try again when that has ended", index.schema, index.name))
        }
        _ => None,
    }
}

fn routine<'a>(snapshot: &'a SchemaSnapshot, object: &Object) -> Option<&'a FunctionFact> {
    snapshot.facts.functions.get(&object.address?.object)
}

impl Listener<'_> {
    fn object(&self, place: usize) -> &Object {
        &self.plan.source.map.objects()[place]
    }

    /// Where the target has what the source has there.
    fn before(&self, place: usize) -> Option<usize> {
        self.plan.target.map.place(&self.object(place).identity)
    }

    /// Whether it is new, or not as it was: what both have has stood on the old form of everything.
    fn is_another(&self, place: usize) -> bool {
        let object = self.object(place);
        self.plan.target.map.find(&object.identity).is_none_or(|old| old.canonical() != object.canonical())
    }

    fn hear(&mut self, seed: Seed) {
        for dependent in self.graph.dependents(seed.place).to_vec() {
            let concerns = seed.column == 0 || dependent.column == seed.column;
            if concerns && dependent.place != seed.place && (seed.column != 0 || !self.serves(seed.place, &dependent)) {
                self.leave(dependent.place, seed.place);
                self.hear_of_bounds(dependent.place, seed.place);
            }
        }
        if seed.column != 0 {
            return;
        }
        for place in self.belongings.get(&seed.place).cloned().unwrap_or_default() {
            if !self.serves_what_belongs(seed.place, place) {
                self.leave(place, seed.place);
            }
        }
        self.hear_of_columns(seed.place);
    }

    /// By what a table is partitioned, its partitions' bounds are told.
    fn hear_of_bounds(&mut self, table: usize, on: usize) {
        for place in self.belongings.get(&table).cloned().unwrap_or_default() {
            if self.object(place).identity.kind == Kind::TableAttach {
                self.leave(place, on);
            }
        }
    }

    /// Columns of a type that is left work as that does in the target: nothing but the column tells of it to who reads them.
    fn hear_of_columns(&mut self, place: usize) {
        if self.before(place).is_none() || self.has_its_base(place) {
            return;
        }
        for dependent in self.graph.dependents(place) {
            let Part::Column(column) = &dependent.part else { continue };
            let columns = self.plan.source.columns(&self.plan.source.map.objects()[dependent.place]);
            let fact = columns.iter().find(|fact| fact.name == *column && !self.known.contains(&dependent.place));
            self.seeds.extend(fact.map(|fact| Seed { place: dependent.place, column: fact.number }));
        }
    }

    fn leave(&mut self, place: usize, on: usize) {
        if !self.is_another(place) || !self.known.insert(place) {
            return;
        }
        let verb = if self.before(on).is_some() { "changed" } else { "made" };
        let reason = format!("it stands on {}, which is not {verb}", self.object(on).identity);
        match self.before(place) {
            Some(before) if matches!(self.plan.fates[before], Fate::Blocked(_)) => {}
            Some(before) => self.found.unchanged.push((before, reason)),
            None => {
                self.found.unmade.insert(place, reason);
            }
        }
        self.seeds.push(Seed { place, column: 0 });
    }

    /// Whether what the target has in the place of something serves who stands on that in the source.
    fn serves(&self, place: usize, dependent: &Dependent) -> bool {
        let Some(before) = self.before(place) else { return false };
        let (old, new) = (&self.plan.target.map.objects()[before], self.object(place));
        match new.identity.kind {
            Kind::Table | Kind::ForeignTable if dependent.column == 0 && self.is_new_partition(dependent.place, place) => true,
            Kind::Table | Kind::ForeignTable | Kind::View | Kind::MaterializedView => self.has_columns(old, new, dependent.column),
            Kind::Type if dependent.column != 0 => self.has_attribute(old, new, dependent.column),
            Kind::Type | Kind::Domain => self.only_names_it(dependent) || new.identity.kind == Kind::Domain && self.has_its_base(place),
            Kind::Function | Kind::Procedure => {
                routine(self.plan.target, old).zip(routine(self.plan.source, new)).is_some_and(|(old, new)| old == new)
            }
            Kind::Index | Kind::Constraint => same_but_for_options(old, new),
            Kind::Extension => !moves(old, new),
            Kind::Aggregate | Kind::Operator | Kind::FkConstraint => false,
            _ => true,
        }
    }

    /// One that is new stands on its table only once it is attached, which is told apart; what one has already comes from there.
    fn is_new_partition(&self, partition: usize, parent: usize) -> bool {
        let attached = &self.plan.attachments_wanted;
        self.before(partition).is_none() && attached.iter().any(|attachment| (attachment.partition, attachment.parent) == (partition, parent))
    }

    /// Whether a relation has a column that the source has, or all of them.
    fn has_columns(&self, old: &Object, new: &Object, number: i32) -> bool {
        let (before, after) = (self.plan.target.columns(old), self.plan.source.columns(new));
        let parts = |fact: &ColumnFact| (fact.name.clone(), fact.type_name.clone());
        match after.iter().find(|fact| fact.number == number) {
            Some(wanted) => before.iter().any(|fact| parts(fact) == parts(wanted)),
            None => before.iter().map(parts).eq(after.iter().map(parts)),
        }
    }

    fn has_attribute(&self, old: &Object, new: &Object, number: i32) -> bool {
        let wanted = self.plan.source.attributes(new).iter().find(|fact| fact.number == number);
        let before = self.plan.target.attributes(old);
        wanted.is_some_and(|wanted| before.iter().any(|fact| (&fact.name, &fact.type_name) == (&wanted.name, &wanted.type_name)))
    }

    /// Whether values of a type are kept as they are in the source.
    fn has_its_base(&self, place: usize) -> bool {
        let new = self.object(place);
        let Some(old) = self.plan.target.map.find(&new.identity) else { return false };
        match (DomainText::read(&old.definition), DomainText::read(&new.definition)) {
            (Some(old), Some(new)) => old.base == new.base,
            _ => !matches!(TypeText::read(&new.definition), Some(TypeText::Range)),
        }
    }

    /// Whether a type is that of a column, an attribute or an argument: of that any form will do. A body that PostgreSQL takes apart may speak of its parts.
    fn only_names_it(&self, dependent: &Dependent) -> bool {
        match &self.object(dependent.place).identity.kind {
            Kind::Type | Kind::Domain => dependent.part == Part::Whole,
            Kind::Function | Kind::Procedure => self.object(dependent.place).definition.contains("\n    AS "),
            _ => matches!(dependent.part, Part::Column(_)),
        }
    }

    /// The same of what belongs to something, or is said of it.
    fn serves_what_belongs(&self, place: usize, belongs: usize) -> bool {
        let Some(before) = self.before(place) else { return false };
        let (old, of) = (&self.plan.target.map.objects()[before], self.object(belongs));
        let kind = &self.object(place).identity.kind;
        match &of.identity.kind {
            _ if *kind == Kind::Extension => !moves(old, self.object(place)),
            Kind::Comment | Kind::SecurityLabel | Kind::Acl => match of.identity.name.strip_prefix("COLUMN ") {
                Some(name) => {
                    let columns = [self.plan.target.columns(old), self.plan.target.attributes(old)].concat();
                    columns.iter().any(|fact| is_column(name, &fact.name))
                }
                None => said_of_constraint(of).is_none() || self.before(belongs).is_some(),
            },
            Kind::SequenceOwnedBy | Kind::IndexAttach => false,
            kind_of_part => *kind != Kind::Table || !kind_of_part.hangs_on_a_relation(),
        }
    }
}
