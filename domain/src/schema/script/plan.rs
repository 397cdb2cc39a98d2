//! The plan: what becomes of each object of the target, once everybody who stands on what goes has been heard.

mod hearing;

use super::{
    aside::can_step_aside,
    attached::change_attached,
    decided::{MAPPED, change_used_types, is_mapped, keep_mapped_servers, leave_partitions, switch_triggers_again, validate_checks},
    domains::Domains,
    fate::{Fate, of_changed, unchecked},
    graph::{Dependent, Graph, Part},
    inheritance::lost,
    left::left,
    partitions::{Attachment, attachments_of},
    removal::{is_of_detached, said_of_constraint},
    table::{Disturbance, TableChange},
};
use crate::schema::{
    Kind, Object, SchemaSnapshot,
    sql::{SequenceText, TableText, bare},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// What becomes of each object.
pub(super) struct Plan<'a> {
    pub(super) target: &'a SchemaSnapshot,
    pub(super) source: &'a SchemaSnapshot,
    /// Of each object of the target.
    pub(super) fates: Vec<Fate>,
    /// Tables that are changed.
    pub(super) tables: BTreeMap<usize, TableChange>,
    /// Objects that are dropped before anything is made.
    pub(super) early: BTreeSet<usize>,
    /// Those of them whose name something new takes.
    pub(super) in_the_way: BTreeSet<usize>,
    /// Types that take another name until no column has them any more.
    pub(super) aside: BTreeSet<usize>,
    pub(super) graph: Graph,
    /// Of the target.
    pub(super) attachments: Vec<Attachment>,
    /// Of the source.
    pub(super) attachments_wanted: Vec<Attachment>,
    /// Of the target, and of the source.
    pub(super) domains: (Arc<Domains>, Arc<Domains>),
    /// Where an object of the target stands in the source.
    pub(super) in_source: Vec<Option<usize>>,
    /// Objects of the source that are not made, and why.
    pub(super) unmade: BTreeMap<usize, String>,
}

/// Something that others stand on is about to go, or to change.
#[derive(Clone, Copy)]
struct Seed {
    /// Whose change it comes of.
    root: usize,
    place: usize,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Whole,
    Column(i32, Disturbance),
}

/// A change that cannot be had, and why.
struct Blocked {
    root: usize,
    reason: String,
}

/// Plans; what turns out to be impossible is left as it is, and everything is planned again without it.
pub(super) fn plan<'a>(target: &'a SchemaSnapshot, source: &'a SchemaSnapshot) -> Plan<'a> {
    let mut blocked: HashMap<usize, String> = HashMap::new();
    loop {
        let mut plan = Plan::begin(target, source, &blocked);
        match plan.settle() {
            Ok(()) => {
                let left = left(&plan);
                if left.unchanged.is_empty() {
                    plan.unmade = left.unmade;
                    return plan;
                }
                blocked.extend(left.unchanged);
            }
            Err(found) => {
                blocked.insert(found.root, found.reason);
            }
        }
    }
}

impl<'a> Plan<'a> {
    fn begin(target: &'a SchemaSnapshot, source: &'a SchemaSnapshot, blocked: &HashMap<usize, String>) -> Self {
        let in_source: Vec<Option<usize>> = target.map.objects().iter().map(|object| source.map.place(&object.identity)).collect();
        let fate = |(place, object): (usize, &Object)| {
            let new = in_source[place].map(|at| &source.map.objects()[at]);
            let left = object.unscripted.as_ref().or(new.and_then(|new| new.unscripted.as_ref()));
            // What it is said of may go, and takes it along.
            let goes_along = || object.requires.iter().any(|on| in_source[*on].is_none());
            match (blocked.get(&place), new, left) {
                (Some(reason), ..) => Fate::Blocked(reason.clone()),
                (None, Some(new), _) if new.canonical() == object.canonical() => Fate::Keep,
                (None, new, Some(reason)) if new.is_some() || !goes_along() => Fate::Blocked(reason.clone()),
                (None, Some(new), _) => of_changed(target, source, object, new),
                (None, None, _) => Fate::Remove,
            }
        };
        let mut fates: Vec<Fate> = target.map.objects().iter().enumerate().map(fate).collect();
        // What is changed on a table that cannot be is left with it.
        for (place, object) in target.map.objects().iter().enumerate() {
            let on =
                object.requires.iter().find(|on| matches!(fates[**on], Fate::Blocked(_)) && target.map.objects()[**on].identity.kind == Kind::Table);
            if let (Some(on), Fate::Rebuild | Fate::Alter(_)) = (on, &fates[place]) {
                fates[place] = Fate::Blocked(format!("{} is not changed", target.map.objects()[*on].identity));
            }
        }
        keep_mapped_servers(target, &mut fates);
        let attachments = attachments_of(&target.map);
        validate_checks(target, source, &in_source, &mut fates);
        leave_partitions(target, &in_source, &attachments, &mut fates);
        switch_triggers_again(target, &attachments, &mut fates);
        let graph = Graph::new(&target.map, &target.facts);
        change_used_types(target, source, &in_source, &graph, &mut fates);
        change_attached((target, source), &in_source, &attachments, &graph, &mut fates);
        Self {
            target,
            source,
            fates,
            tables: BTreeMap::new(),
            early: BTreeSet::new(),
            in_the_way: BTreeSet::new(),
            aside: BTreeSet::new(),
            graph,
            attachments,
            attachments_wanted: attachments_of(&source.map),
            domains: (Arc::new(Domains::of(target)), Arc::new(Domains::of(source))),
            in_source,
            unmade: BTreeMap::new(),
        }
    }

    pub(super) fn kind(&self, place: usize) -> &Kind {
        &self.target.map.objects()[place].identity.kind
    }

    /// Whether an object of the target is dropped at some time.
    pub(super) fn is_dropped(&self, place: usize) -> bool {
        matches!(self.fates[place], Fate::Remove | Fate::Rebuild)
    }

    fn settle(&mut self) -> Result<(), Blocked> {
        let mut seeds = Vec::new();
        self.break_circles();
        self.in_the_way = self.in_the_way();
        for place in 0..self.fates.len() {
            match &self.fates[place] {
                Fate::Rebuild => seeds.push(Seed { root: place, place, what: What::Whole }),
                Fate::Remove if self.kind(place).hangs_on_a_relation() || self.in_the_way.contains(&place) => {
                    seeds.push(Seed { root: place, place, what: What::Whole });
                }
                Fate::Remove if self.is_identity(place) || self.is_followed(place) => {
                    seeds.push(Seed { root: place, place, what: What::Whole });
                }
                Fate::Alter(_) if *self.kind(place) == Kind::Type => seeds.extend(self.disturbed_attributes(place)),
                // Else it would go with its owner's column, by then or before.
                Fate::Remove if *self.kind(place) == Kind::SequenceOwnedBy && !self.goes_with_its_sequence(place) => {
                    self.early.insert(place);
                }
                // While what it is said of is there, under the name that it has.
                Fate::Remove if said_of_constraint(&self.target.map.objects()[place]).is_some() => {
                    self.early.insert(place);
                }
                Fate::Table => {
                    if self.table(place).is_some_and(|change| change.writes_rows_for_new_columns()) {
                        seeds.extend(self.disturb_row_type(Seed { root: place, place, what: What::Whole })?);
                    }
                    seeds.extend(self.disturbed(place, place));
                    for partition in self.partitions_losing_checks(place) {
                        self.table(partition);
                    }
                }
                _ => {}
            }
        }
        self.early.extend(seeds.iter().filter(|seed| seed.what == What::Whole).map(|seed| seed.place));
        self.settle_dependents(seeds)?;
        self.step_aside_together();
        Ok(())
    }

    fn goes_with_its_sequence(&self, owned: usize) -> bool {
        self.target.map.objects()[owned].requires.iter().any(|on| *self.kind(*on) == Kind::Sequence && self.is_dropped(*on))
    }

    /// A column may have a default only once it is no identity any more.
    fn is_identity(&self, place: usize) -> bool {
        let object = &self.target.map.objects()[place];
        object.identity.kind == Kind::Sequence && SequenceText::read(&object.definition).is_some_and(|sequence| sequence.identity.is_some())
    }

    /// Whether it is a routine in whose place those who call it will find another of its name: they are made again for that.
    fn is_followed(&self, place: usize) -> bool {
        if !matches!(self.kind(place), Kind::Function | Kind::Procedure | Kind::Aggregate) {
            return false;
        }
        let identity = &self.target.map.objects()[place].identity;
        let Some((name, _)) = identity.name.split_once('(') else { return false };
        let called = |dependent: &Dependent| {
            let at = self.in_source[dependent.place].filter(|_| self.fates[dependent.place] != Fate::Remove);
            at.is_some_and(|at| self.source.map.objects()[at].definition.contains(name))
        };
        self.graph.dependents(place).iter().any(called)
    }

    /// A type that is made again cannot be dropped while one that has stepped aside is made of it: it steps aside with that.
    fn step_aside_together(&mut self) {
        let mut reached: Vec<usize> = self.aside.iter().copied().collect();
        while let Some(place) = reached.pop() {
            for (on, _, _) in self.graph.dependencies(place) {
                let goes = self.is_dropped(*on) && matches!(self.kind(*on), Kind::Type | Kind::Domain);
                if goes && can_step_aside(&self.target.map.objects()[*on]) && self.aside.insert(*on) {
                    reached.push(*on);
                }
            }
        }
    }

    fn settle_dependents(&mut self, mut seeds: Vec<Seed>) -> Result<(), Blocked> {
        while let Some(seed) = seeds.pop() {
            if matches!(seed.what, What::Column(_, Disturbance::Retyped(_))) {
                seeds.extend(self.disturb_row_type(seed)?);
            }
            if let Some(reason) = self.published(seed) {
                return Err(Blocked { root: seed.root, reason });
            }
            for dependent in self.graph.dependents(seed.place).to_vec() {
                let stands_on = match seed.what {
                    What::Whole => true,
                    What::Column(column, _) => dependent.column == column,
                };
                if stands_on {
                    seeds.extend(self.disturb(seed, &dependent)?);
                }
            }
        }
        Ok(())
    }

    /// No row is written anew while a column of another table has the table's row type; a materialised view can make way.
    fn disturb_row_type(&mut self, seed: Seed) -> Result<Vec<Seed>, Blocked> {
        let mut gone = Vec::new();
        for dependent in self.graph.dependents(seed.place).to_vec() {
            let Part::Column(column) = &dependent.part else { continue };
            if dependent.column != 0 || dependent.place == seed.place {
                continue;
            }
            let place = dependent.place;
            if self.fates[place] != Fate::Remove && *self.kind(place) != Kind::MaterializedView {
                let reason = format!("column {column} of {} has its row type", self.target.map.objects()[place].identity);
                return Err(Blocked { root: seed.root, reason });
            }
            gone.extend(self.disturb(seed, &dependent)?);
        }
        Ok(gone)
    }

    /// What somebody does about it that what it stands on goes or changes.
    fn disturb(&mut self, seed: Seed, dependent: &Dependent) -> Result<Vec<Seed>, Blocked> {
        let place = dependent.place;
        let blocked = |reason: String| Err(Blocked { root: seed.root, reason });
        let whole = Seed { root: seed.root, place, what: What::Whole };
        if let Fate::Remove = self.fates[place] {
            let first = self.early.insert(place);
            return Ok(if first { vec![whole] } else { Vec::new() });
        }
        if self.fates[place] == Fate::Validate && !matches!(seed.what, What::Column(_, Disturbance::Retyped(_))) {
            // It goes then, and its table gets it anew.
            let check = unchecked(&self.target.map.objects()[place]);
            for change in self.tables.values_mut() {
                change.validated.retain(|validated| Some(validated) != check.as_ref());
            }
            self.fates[place] = Fate::Remove;
            self.early.insert(place);
            return Ok(vec![whole]);
        }
        if self.has_left(place, seed.place) {
            return Ok(Vec::new());
        }
        let kind = self.kind(place).clone();
        match (&kind, seed.what) {
            (Kind::Table, _) => return self.disturb_table(seed, dependent),
            // Of these, those that stand on a column that gets another type are made again by PostgreSQL itself.
            (Kind::Schema | Kind::Extension | Kind::Sequence, _)
            | (Kind::FkConstraint, What::Column(_, Disturbance::Retyped(false)))
            | (Kind::Index | Kind::Constraint | Kind::Statistics | Kind::CheckConstraint, What::Column(_, Disturbance::Retyped(_))) => {
                return Ok(Vec::new());
            }
            _ => {}
        }
        let object = &self.target.map.objects()[place];
        match &self.fates[place] {
            Fate::Rebuild => Ok(Vec::new()),
            Fate::Blocked(reason) => blocked(format!("{} stands on it, and that cannot be made again: {reason}", object.identity)),
            _ if object.drop.is_none() && !kind.hangs_on_a_relation() => blocked(format!("{} stands on it", object.identity)),
            _ if is_mapped(self.target, object) => blocked(format!("{} stands on it, and that cannot be made again: {MAPPED}", object.identity)),
            _ => {
                self.fates[place] = Fate::Rebuild;
                self.early.insert(place);
                Ok(vec![whole])
            }
        }
    }

    /// Whether somebody has left what it stands on before that goes: a partition or an heir its parent, a partition's index its parent's.
    fn has_left(&self, place: usize, on: usize) -> bool {
        let is_index = |place: usize| matches!(self.kind(place), Kind::Index | Kind::Constraint);
        if is_index(place) && is_index(on) {
            return is_of_detached(self, place);
        }
        if *self.kind(place) != Kind::Table || *self.kind(on) != Kind::Table {
            return false;
        }
        let detached = self.attachments.iter().any(|attachment| (attachment.partition, attachment.parent) == (place, on));
        if detached {
            return self.is_detached(place);
        }
        let text = |object: &Object| TableText::read(&object.definition);
        let objects = self.target.map.objects();
        let new = self.in_source[place].and_then(|at| text(&self.source.map.objects()[at]));
        let (Some(old), Some(new), Some(parent)) = (text(&objects[place]), new, text(&objects[on])) else { return false };
        lost(&old, &new).contains(&parent.name.as_str())
    }

    fn disturb_table(&mut self, seed: Seed, dependent: &Dependent) -> Result<Vec<Seed>, Blocked> {
        let place = dependent.place;
        let identity = self.target.map.objects()[place].identity.clone();
        let blocked = |reason: String| Err(Blocked { root: seed.root, reason });
        if let Fate::Blocked(reason) = &self.fates[place] {
            return blocked(format!("{identity} stands on it, and that cannot be changed: {reason}"));
        }
        let is_type = matches!(self.kind(seed.place), Kind::Type | Kind::Domain);
        let before = self.disturbed(place, seed.root);
        match &dependent.part {
            Part::Default(column) => {
                let Some(change) = self.table(place) else { return blocked(format!("{identity} cannot be changed in place")) };
                let generated = change.old.columns.iter().any(|old| bare(&old.name) == *column && old.generated.is_some());
                if generated && !change.drops(column) {
                    change.regenerated.insert(column.clone());
                } else if !generated {
                    change.suspended_defaults.insert(column.clone());
                }
            }
            // PostgreSQL itself makes those again that speak of a column of another type.
            Part::Check(_) if matches!(seed.what, What::Column(_, Disturbance::Retyped(_))) => {}
            // It goes with its column for good, or both stay, told as a parent's.
            Part::Check(_) if self.is_told_no_more(seed, place) => {}
            Part::Check(name) => {
                let Some(change) = self.table(place) else { return blocked(format!("{identity} cannot be changed in place")) };
                change.suspended_checks.insert(name.clone());
            }
            Part::Column(column) if is_type && seed.what == What::Whole => {
                if !can_step_aside(&self.target.map.objects()[seed.place]) {
                    return blocked(format!("column {column} of {identity} has it as its type"));
                }
                let Some(change) = self.table(place) else { return blocked(format!("{identity} cannot be changed in place")) };
                if change.old.columns.iter().any(|old| bare(&old.name) == *column && change.old.is_partitioned_by(&old.name)) {
                    return blocked(format!("column {column} of {identity} has it as its type, and decides in which partition a row lies"));
                }
                if !change.drops(column) {
                    change.retyped.insert(column.clone());
                }
                self.aside.insert(seed.place);
            }
            Part::Column(column) => return blocked(format!("column {column} of {identity} stands on it")),
            Part::Whole => return blocked(format!("{identity} stands on it")),
        }
        let is_new = |seed: &Seed| !before.iter().any(|old| old.place == seed.place && old.what == seed.what);
        Ok(self.disturbed(place, seed.root).into_iter().filter(is_new).collect())
    }

    /// The change of a table, begun where there was none; `None` where its definition cannot be taken apart.
    fn table(&mut self, place: usize) -> Option<&mut TableChange> {
        if !self.tables.contains_key(&place) {
            let change = self.begin_table(place)?;
            self.fates[place] = Fate::Table;
            self.tables.insert(place, change);
        }
        self.tables.get_mut(&place)
    }
}
