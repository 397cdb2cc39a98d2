//! The script, written from the plan.

use super::{
    ahead::{Given, ahead},
    aside::let_go,
    default_grants::DefaultGrants,
    fate::{Fate, Step, without_hazards},
    grants,
    made::made,
    names::{invalid_index, not_null_names},
    plan::Plan,
    removal::removal,
    statement::{Hazard, ScriptStatement},
    table::{TableChange, TableSteps, check_hazards},
    usual_names::with_named_not_null,
};
use crate::schema::{
    Identity, Kind, Object, SchemaSnapshot, Unscripted,
    sql::{bare, find, find_words, ident, split},
};
use std::collections::{BTreeMap, BTreeSet};

/// When something is made. Within one turn, in the order of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// What tables that are changed may call.
    Ahead,
    Objects,
    /// Once a partition has the indexes of its parent: it would get others of its own.
    Partitions,
    IndexPartitions,
    /// Once all that they speak of is there.
    Rules,
    Grants,
    DefaultGrants,
    /// Not to act on what comes before.
    EventTriggers,
}

impl Turn {
    fn of(kind: &Kind) -> Self {
        match kind {
            Kind::TableAttach => Self::Partitions,
            Kind::IndexAttach => Self::IndexPartitions,
            Kind::FkConstraint | Kind::Trigger | Kind::Policy | Kind::RowSecurity => Self::Rules,
            Kind::Acl => Self::Grants,
            Kind::DefaultAcl => Self::DefaultGrants,
            Kind::EventTrigger => Self::EventTriggers,
            _ => Self::Objects,
        }
    }
}

struct Writer<'a> {
    plan: &'a Plan<'a>,
    tables: BTreeMap<usize, TableSteps>,
    /// Objects of the source that are made, by their place there.
    made: BTreeSet<usize>,
    /// Those of them that tables which are changed may call.
    ahead: BTreeSet<usize>,
    /// What new columns get as they are added.
    given: Given,
    /// What they get from the target as they are made.
    default_grants: DefaultGrants,
    /// Names that some NOT NULL of the target has, where it is not the usual one.
    not_null_names: BTreeSet<String>,
    /// Partitions that have been detached.
    detached: BTreeSet<usize>,
    script: Vec<ScriptStatement>,
    unscripted: Vec<Unscripted>,
}

pub(super) fn emit(plan: &Plan<'_>) -> (Vec<ScriptStatement>, Vec<Unscripted>) {
    let not_null_names = not_null_names(plan.target);
    let made = made(plan);
    let ahead = ahead(plan, &made);
    let given = Given::new(plan, &made, &ahead);
    let tables = plan.tables.iter().map(|(place, change)| (*place, change.write(&not_null_names, |column| given.of(*place, column)))).collect();
    let default_grants = DefaultGrants::of(plan.target);
    let (detached, script, unscripted) = (BTreeSet::new(), Vec::new(), Vec::new());
    let mut writer = Writer { plan, tables, made, ahead, given, default_grants, not_null_names, detached, script, unscripted };
    writer.write();
    (writer.script, writer.unscripted)
}

impl Writer<'_> {
    fn write(&mut self) {
        let plan = self.plan;
        let (target, source) = (plan.target.map.objects(), plan.source.map.objects());
        for (place, object) in target.iter().enumerate() {
            match &plan.fates[place] {
                Fate::Alter(change) => self.steps(&object.identity, &change.ahead),
                Fate::Blocked(reason) => self.unscripted.push(Unscripted::new(&object.identity, reason)),
                _ => {}
            }
        }
        self.write_early();
        let mut turns: Vec<(Turn, usize)> = source.iter().enumerate().map(|(place, object)| (self.turn(place, object), place)).collect();
        turns.sort();
        let (before_rules, from_rules) = turns.split_at(turns.partition_point(|(turn, _)| *turn < Turn::Rules));
        for (_, place) in before_rules {
            self.write_source(*place);
        }
        self.write_persistence();
        self.write_refreshed();
        self.write_revoked();
        for (_, place) in from_rules {
            self.write_source(*place);
        }
        self.write_late();
    }

    /// What is said of something comes right after it.
    fn turn(&self, place: usize, object: &Object) -> Turn {
        if self.ahead.contains(&place) {
            return Turn::Ahead;
        }
        let said = matches!(object.identity.kind, Kind::Comment | Kind::SecurityLabel);
        let of = object.requires.first().filter(|_| said).map(|of| Turn::of(&self.plan.source.map.objects()[*of].identity.kind));
        of.unwrap_or_else(|| Turn::of(&object.identity.kind))
    }

    fn steps(&mut self, identity: &Identity, steps: &[Step]) {
        self.script.extend(steps.iter().map(|(sql, hazards)| ScriptStatement::new(identity, sql.as_str(), hazards)));
    }

    fn write_early(&mut self) {
        let plan = self.plan;
        let objects = plan.target.map.objects();
        self.write_left_parents();
        let is_attached = |place: &usize| objects[*place].identity.kind == Kind::TableAttach;
        for place in (0..objects.len()).rev().filter(|place| !is_attached(place)) {
            let identity = &objects[place].identity;
            match &plan.fates[place] {
                Fate::Alter(change) => self.steps(identity, &change.early),
                Fate::Table => {
                    let early = std::mem::take(&mut self.tables.entry(place).or_default().early);
                    self.steps(identity, &early);
                }
                _ if plan.aside.contains(&place) => {
                    let (sql, aside) = plan.step_aside(place).expect("it was planned to");
                    self.steps(identity, &without_hazards([sql]));
                    if plan.graph.dependencies(place).iter().any(|(on, _, _)| plan.is_dropped(*on)) {
                        self.steps(identity, &without_hazards(let_go(&objects[place], &aside)));
                    }
                }
                _ if plan.early.contains(&place) => self.remove(place),
                _ => {}
            }
        }
    }

    /// Partitions and heirs leave their parents before anything happens to those.
    fn write_left_parents(&mut self) {
        let plan = self.plan;
        let objects = plan.target.map.objects();
        for (place, object) in objects.iter().enumerate() {
            let first = self.tables.get_mut(&place).map(|steps| std::mem::take(&mut steps.first)).unwrap_or_default();
            self.steps(&object.identity, &first);
        }
        let detached: Vec<usize> =
            (0..objects.len()).rev().filter(|place| *plan.kind(*place) == Kind::TableAttach && plan.early.contains(place)).collect();
        for place in &detached {
            let written = self.script.len();
            self.remove(*place);
            if self.script.len() == written {
                continue;
            }
            self.detached.extend(plan.attachments.iter().filter(|attachment| attachment.place == *place).map(|attachment| attachment.partition));
        }
        // Once all are detached: what one loses its own partitions lose with it.
        for place in detached {
            self.steps(&objects[place].identity, &plan.keys_left_by_the_parent(place));
        }
    }

    fn remove(&mut self, place: usize) {
        let identity = &self.plan.target.map.objects()[place].identity;
        // Whatever the plan: no table takes rows along that stay.
        if let Some(staying) = self.plan.staying_partitions(place).find(|attachment| !self.detached.contains(&attachment.partition)) {
            let partition = &self.plan.target.map.objects()[staying.partition].identity;
            return self.unscripted.push(Unscripted::new(identity, format!("{partition} stays, and would go with it")));
        }
        match removal(self.plan, place) {
            Some(steps) => self.steps(identity, &steps),
            None => self.unscripted.push(Unscripted::new(identity, "no statement that is known here takes it away")),
        }
    }

    fn write_source(&mut self, place: usize) {
        let plan = self.plan;
        let object = &plan.source.map.objects()[place];
        let left = plan.unmade.get(&place).or(object.unscripted.as_ref().filter(|_| self.made.contains(&place)));
        if let Some(reason) = left {
            return self.unscripted.push(Unscripted::new(&object.identity, reason));
        }
        if self.given.said.contains(&place) {
            return self.take_back_default_grants(place);
        }
        if self.made.contains(&place) && self.is_default_of_own_column(object) {
            self.unscripted.push(Unscripted::new(&object.identity, "its column stays the table's own, and is told with it there"));
        }
        if self.made.contains(&place) && self.lists_columns_otherwise(object) {
            self.unscripted.push(Unscripted::new(&object.identity, "its columns are listed in the order that they have in the table"));
        }
        if self.made.contains(&place) {
            let definition = match object.identity.kind {
                Kind::Table if !self.not_null_names.is_empty() => with_named_not_null(&object.definition, &self.not_null_names),
                _ => object.definition.clone(),
            };
            self.steps(&object.identity, &without_hazards(self.invalid_index_in_the_way(object)));
            self.steps(&object.identity, &[(definition, self.hazards_of_making(object))]);
            return self.take_back_default_grants(place);
        }
        let Some(before) = plan.target.map.place(&object.identity) else { return };
        match &plan.fates[before] {
            Fate::Alter(change) => self.steps(&object.identity, &change.at),
            Fate::Table => {
                let steps = self.tables.entry(before).or_default();
                let (at, unscripted) = (std::mem::take(&mut steps.at), std::mem::take(&mut steps.unscripted));
                self.steps(&object.identity, &at);
                self.unscripted.extend(unscripted.iter().map(|reason| Unscripted::new(&object.identity, reason)));
            }
            Fate::Keep if self.lost_its_grants(object) => self.steps(&object.identity, &without_hazards([object.definition.clone()])),
            _ => {}
        }
    }

    /// What the target grants on every new object, and the source does not grant on this one.
    fn take_back_default_grants(&mut self, place: usize) {
        let source = self.plan.source.map.objects();
        let object = &source[place];
        if self.default_grants.are_none() {
            return;
        }
        let acl = source.iter().find(|other| grants_on_the_whole(other, place));
        match self.default_grants.undone(object, acl) {
            Some(steps) => self.steps(&object.identity, &without_hazards(steps)),
            None => self.unscripted.push(Unscripted::new(&object.identity, "it keeps what the target grants on new objects by default")),
        }
    }

    /// The statement that takes away what a failed build left under the name of an index or a key.
    fn invalid_index_in_the_way(&self, object: &Object) -> Option<String> {
        let invalid = invalid_index(self.plan.target, object)?;
        Some(format!("DROP INDEX {}.{}", ident(&invalid.schema), ident(&invalid.name)))
    }

    /// Whether it is the default of a column that should be the parent's only, and stays its own: it is no object by itself then.
    fn is_default_of_own_column(&self, object: &Object) -> bool {
        let Some((_, column)) = object.identity.name.rsplit_once(' ').filter(|_| object.identity.kind == Kind::Default) else { return false };
        self.changes_beneath(object)
            .any(|change| change.old.columns.iter().any(|old| bare(&old.name) == column) && change.new.column(column).is_none())
    }

    /// The changes of tables that an object of the source stands on.
    fn changes_beneath<'w>(&'w self, object: &'w Object) -> impl Iterator<Item = &'w TableChange> {
        let tables = object.requires.iter().map(|required| &self.plan.source.map.objects()[*required].identity);
        tables.filter_map(|table| self.plan.tables.get(&self.plan.target.map.place(table)?))
    }

    /// Statistics list their columns in the table's order, which may not be the source's.
    fn lists_columns_otherwise(&self, object: &Object) -> bool {
        let text = &object.definition;
        let (Kind::Statistics, Some(on), Some(from)) = (&object.identity.kind, find_words(text, "ON"), find_words(text, "FROM")) else {
            return false;
        };
        let listed: Vec<&str> = split(&text[on + "ON".len()..from], ',').into_iter().map(str::trim).collect();
        self.changes_beneath(object).any(|change| change.orders_otherwise(&listed))
    }

    /// Grants on columns go with a revocation on their table.
    fn lost_its_grants(&self, object: &Object) -> bool {
        let objects = self.plan.target.map.objects();
        if object.identity.kind != Kind::Acl || !object.identity.name.starts_with("COLUMN ") {
            return false;
        }
        let Some(place) = self.plan.target.map.place(&object.identity) else { return false };
        let Some(table) = objects[place].requires.first() else { return false };
        objects.iter().enumerate().any(|(other, acl)| {
            grants_on_the_whole(acl, *table) && matches!(self.plan.fates[other], Fate::Alter(_) | Fate::Remove) && grants::revokes(&acl.definition)
        })
    }

    fn hazards_of_making(&self, object: &Object) -> Vec<Hazard> {
        let source = self.plan.source.map.objects();
        let stands_on_rows = object
            .requires
            .iter()
            .any(|required| matches!(source[*required].identity.kind, Kind::Table | Kind::MaterializedView) && !self.made.contains(required));
        match object.identity.kind {
            _ if !stands_on_rows => Vec::new(),
            Kind::Index if object.definition.starts_with("CREATE UNIQUE") => vec![Hazard::LongScan, Hazard::ExclusiveLock, Hazard::MayFail],
            Kind::Index => vec![Hazard::LongScan, Hazard::ExclusiveLock],
            Kind::FkConstraint => check_hazards(&object.definition).to_vec(),
            Kind::Constraint | Kind::TableAttach => vec![Hazard::LongScan, Hazard::ExclusiveLock, Hazard::MayFail],
            // Of an identity; others stand on no table.
            Kind::Sequence if object.definition.starts_with("ALTER TABLE") => vec![Hazard::ExclusiveLock],
            ref kind if kind.hangs_on_a_relation() => vec![Hazard::ExclusiveLock],
            _ => Vec::new(),
        }
    }

    /// Tables become logged or unlogged before foreign keys are made, which stand on that.
    fn write_persistence(&mut self) {
        let plan = self.plan;
        let (order, left) = plan.persistence_order();
        for place in order.into_iter().chain(left) {
            let steps = self.tables.get_mut(&place).map(|steps| std::mem::take(&mut steps.persistence)).unwrap_or_default();
            self.steps(&plan.target.map.objects()[place].identity, &steps);
        }
    }

    /// Materialised views that were made are empty; those that hold rows in the source get theirs, and those that held rows before.
    fn write_refreshed(&mut self) {
        let source = self.plan.source;
        for place in self.made.clone() {
            let object = &source.map.objects()[place];
            let holds = |of: &SchemaSnapshot, object: &Object| object.address.is_some_and(|address| of.facts.populated.contains(&address.object));
            let before = self.plan.target.map.find(&object.identity);
            let full = holds(source, object) || before.is_some_and(|before| holds(self.plan.target, before));
            if object.identity.kind == Kind::MaterializedView && full {
                let rest = object.definition.strip_prefix("CREATE MATERIALIZED VIEW ");
                let line = rest.map(|rest| &rest[..find(rest, b'\n', 0).unwrap_or(rest.len())]);
                if let Some(line) = line {
                    let name = line.strip_suffix(" AS").unwrap_or(line).trim();
                    self.steps(&object.identity, &[(format!("REFRESH MATERIALIZED VIEW {name}"), vec![Hazard::LongScan])]);
                }
            }
        }
    }

    /// Grants that go, before those that come.
    fn write_revoked(&mut self) {
        for place in 0..self.plan.fates.len() {
            if self.plan.fates[place] == Fate::Remove && *self.plan.kind(place) == Kind::Acl && !self.plan.early.contains(&place) {
                self.remove(place);
            }
        }
    }

    fn write_late(&mut self) {
        let plan = self.plan;
        let objects = plan.target.map.objects();
        for place in (0..objects.len()).rev() {
            let identity = &objects[place].identity;
            if plan.aside.contains(&place) {
                let (_, name) = plan.step_aside(place).expect("it was planned to");
                self.steps(identity, &without_hazards([format!("DROP {name}")]));
            } else if plan.fates[place] == Fate::Remove && !plan.early.contains(&place) && identity.kind != Kind::Acl {
                // Grants have gone already.
                self.remove(place);
            }
        }
    }
}

/// Whether these are the grants on an object itself, told by its place, not on one of its columns.
fn grants_on_the_whole(acl: &Object, place: usize) -> bool {
    acl.identity.kind == Kind::Acl && acl.requires.first() == Some(&place) && !acl.identity.name.starts_with("COLUMN ")
}
