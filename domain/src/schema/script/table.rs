//! Tables: changed column by column, so that their rows stay.

mod order;

use super::{
    ahead::GivenColumn,
    domains::Domains,
    fate::Step,
    inheritance::{Heir, fixed_after, gained, is_inherited, lost},
    statement::Hazard,
    table_text::{column_of, undone},
    volatility::may_vary,
    widening::family,
};
use crate::schema::{
    ColumnFact,
    sql::{Column, TableText, bare},
};
use std::{collections::BTreeSet, sync::Arc};

/// A table that is changed, and what others ask of it. Columns are told by their names without quotes.
#[derive(Clone, Debug)]
pub(super) struct TableChange {
    pub(super) old: TableText,
    pub(super) new: TableText,
    /// What the target's catalogue says of its columns.
    pub(super) facts: Vec<ColumnFact>,
    /// What the source's says.
    pub(super) new_facts: Vec<ColumnFact>,
    /// Of a partition: its parent before and after. What is changed there comes from there.
    pub(super) parent: Option<(TableText, TableText)>,
    /// Those that inherit from it, before and after.
    pub(super) heirs: Vec<Heir>,
    /// Parents that it stays with, before and after.
    pub(super) kept_parents: Vec<(TableText, TableText)>,
    /// Parents that it joins, and theirs, as the source has them.
    pub(super) joined: Vec<TableText>,
    /// The server's version.
    pub(super) major: u32,
    /// Domains of the target, and of the source.
    pub(super) old_domains: Arc<Domains>,
    pub(super) new_domains: Arc<Domains>,
    /// Defaults that are out of the way while what they call is made again.
    pub(super) suspended_defaults: BTreeSet<String>,
    /// Check constraints that are.
    pub(super) suspended_checks: BTreeSet<String>,
    /// Columns whose type is made again under the same name.
    pub(super) retyped: BTreeSet<String>,
    /// Checks that stand beside the table's definition, not having been checked over its rows, and within it in the source.
    pub(super) validated: Vec<(String, String)>,
    /// Generated columns that are dropped and added again.
    pub(super) regenerated: BTreeSet<String>,
}

/// A column that others may stand on, and what happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disturbance {
    /// It goes, for a while at least.
    Dropped,
    /// It gets another type; whether of another family.
    Retyped(bool),
}

/// The statements of a table's change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TableSteps {
    /// Before anything else happens to its parents.
    pub(super) first: Vec<Step>,
    /// After who depends on it was dropped, before what it depends on is.
    pub(super) early: Vec<Step>,
    /// Where the source makes it.
    pub(super) at: Vec<Step>,
    /// Whether it is logged: in an order of its own.
    pub(super) persistence: Vec<Step>,
    pub(super) unscripted: Vec<String>,
}

/// Whether it is computed when it is written.
fn is_stored(generated: &str) -> bool {
    generated.ends_with("STORED")
}

pub(super) const LOCK: &[Hazard] = &[Hazard::ExclusiveLock];
const LOSS: &[Hazard] = &[Hazard::DataLoss, Hazard::ExclusiveLock];
pub(super) const REWRITE: &[Hazard] = &[Hazard::TableRewrite, Hazard::ExclusiveLock];
pub(super) const CHECK: &[Hazard] = &[Hazard::LongScan, Hazard::ExclusiveLock, Hazard::MayFail];

/// Of adding a constraint: one that is not checked over the rows that are there reads none.
pub(super) fn check_hazards(definition: &str) -> &'static [Hazard] {
    let unchecked = ["NOT VALID", "NOT ENFORCED"].iter().any(|words| definition.trim_end_matches(';').trim_end().ends_with(words));
    if unchecked { LOCK } else { CHECK }
}

impl TableChange {
    /// Columns of both, which this table itself has to see to.
    fn pairs(&self) -> impl Iterator<Item = (&Column, &Column)> {
        self.new.columns.iter().filter_map(|new| self.old.column(&new.name).map(|old| (old, new)))
    }

    pub(super) fn comes_from_parent(&self, name: &str) -> bool {
        self.parent.as_ref().is_some_and(|(_, new)| new.column(name).is_some())
    }

    pub(super) fn went_with_parent(&self, name: &str) -> bool {
        self.parent.as_ref().is_some_and(|(old, new)| old.column(name).is_some() && new.column(name).is_none())
    }

    pub(super) fn regenerates(&self, old: &Column, new: &Column) -> bool {
        let in_place = match (&old.generated, &new.generated) {
            // Not of one that is computed when it is read, beside constraints.
            (Some(before), Some(after)) => self.major >= 17 && is_stored(before) && is_stored(after),
            _ => false,
        };
        // What is computed when it is read is kept nowhere, so that no statement leaves it behind as a value.
        let is_kept = new.generated.is_some() || old.generated.as_deref().is_some_and(|before| !is_stored(before));
        let other_expression = old.generated != new.generated && is_kept && !in_place;
        other_expression || self.regenerated.contains(&bare(&new.name))
    }

    pub(super) fn retypes(&self, old: &Column, new: &Column) -> bool {
        old.type_name != new.type_name || old.collation != new.collation || self.retyped.contains(&bare(&new.name))
    }

    /// The statements by which it loses something: those of its heirs that keep that lose nothing.
    fn drop_here(&self, part: &str, name: &str, is_kept: impl Fn(&Heir) -> bool, is_theirs: impl Fn(&TableText) -> bool) -> Vec<String> {
        let what = format!("DROP {part} {name}");
        if !self.heirs.iter().any(&is_kept) {
            return vec![self.alter(&what)];
        }
        let losing = self.heirs.iter().filter(|heir| !is_kept(heir) && !is_theirs(&heir.old));
        std::iter::once(self.alter_only(&what)).chain(losing.map(|heir| format!("ALTER TABLE {} {what}", heir.new.name))).collect()
    }

    /// What happens to columns that others may stand on.
    pub(super) fn disturbances(&self) -> Vec<(i32, Disturbance)> {
        let number = |name: &str| self.facts.iter().find(|fact| fact.name == bare(name)).map(|fact| fact.number);
        let mut found = Vec::new();
        for old in &self.old.columns {
            let disturbance = match self.new.column(&old.name) {
                None => Disturbance::Dropped,
                Some(new) if self.regenerates(old, new) => Disturbance::Dropped,
                // A type that is made again is another one, under whatever name.
                Some(new) if self.retypes(old, new) => {
                    Disturbance::Retyped(self.retyped.contains(&bare(&old.name)) || family(&old.type_name) != family(&new.type_name))
                }
                Some(_) => continue,
            };
            found.extend(number(&old.name).map(|number| (number, disturbance)));
        }
        found
    }

    /// Whether a column is gone afterwards, or for a while.
    pub(super) fn drops(&self, name: &str) -> bool {
        match (self.old.columns.iter().find(|column| bare(&column.name) == name), self.new.columns.iter().find(|column| bare(&column.name) == name)) {
            (Some(old), Some(new)) => self.regenerates(old, new),
            (Some(_), None) => true,
            _ => false,
        }
    }

    /// Columns that are there anew under their old names: what was said of them has to be said again.
    pub(super) fn comes_again(&self, name: &str) -> bool {
        self.pairs().any(|(old, new)| bare(&new.name) == name && self.regenerates(old, new))
    }

    /// `taken` are the names that some NOT NULL has, where it is not the usual one; `given` is what new columns get besides what the table's text says.
    pub(super) fn write(&self, taken: &BTreeSet<String>, given: impl Fn(&str) -> GivenColumn) -> TableSteps {
        let mut steps = TableSteps::default();
        self.write_early(&mut steps);
        self.write_dropped(&mut steps);
        let kept: Vec<_> = self.pairs().filter(|(old, new)| !self.regenerates(old, new)).collect();
        for (old, new) in &kept {
            self.write_nullable(old, new, taken, &mut steps);
            self.write_computed_no_more(old, new, &mut steps);
        }
        // No type changes beneath a column that is computed of it: such are added after.
        for (old, new) in &kept {
            self.write_column(old, new, taken, &mut steps);
        }
        self.write_added(taken, given, &mut steps);
        for (old, new) in &kept {
            self.write_expression(old, new, &mut steps);
        }
        self.write_checks(&mut steps);
        for (name, _) in &self.validated {
            steps.at.push((self.alter(&format!("VALIDATE CONSTRAINT {name}")), vec![Hazard::LongScan, Hazard::MayFail]));
        }
        self.write_rest(&mut steps);
        self.check_order(&mut steps);
        steps
    }

    pub(super) fn alter(&self, action: &str) -> String {
        format!("ALTER TABLE {} {action}", self.new.name)
    }

    pub(super) fn alter_only(&self, action: &str) -> String {
        format!("ALTER TABLE ONLY {} {action}", self.new.name)
    }

    /// Of a partition: whether it has a check of its parent, before.
    fn has_of_parent(&self, constraint: &(String, String)) -> bool {
        self.parent.as_ref().is_some_and(|(old, _)| old.constraints.contains(constraint))
    }

    /// Of a partition: whether a check goes with the parent's, which the source has as the partition's own.
    fn loses_with_parent(&self, constraint: &(String, String)) -> bool {
        self.has_of_parent(constraint) && self.parent.as_ref().is_some_and(|(_, new)| !new.constraints.contains(constraint))
    }

    fn write_early(&self, steps: &mut TableSteps) {
        // Before the columns that they speak of, which would take them along. A partition's go with its parent's.
        let suspended = self.old.constraints.iter().filter(|constraint| self.suspended_checks.contains(&bare(&constraint.0)));
        for (name, _) in suspended.filter(|constraint| !self.has_of_parent(constraint)) {
            steps.early.push((self.alter(&format!("DROP CONSTRAINT {name}")), LOCK.to_vec()));
        }
        for (old, new) in self.pairs() {
            // A partition's goes with its parent's.
            if self.regenerates(old, new) && self.comes_from_parent(&new.name) {
                continue;
            }
            if self.regenerates(old, new) {
                steps.early.push((self.alter(&format!("DROP COLUMN {}", old.name)), LOSS.to_vec()));
            } else if self.suspended_defaults.contains(&bare(&old.name)) {
                steps.early.push((self.alter_only(&format!("ALTER COLUMN {} DROP DEFAULT", old.name)), LOCK.to_vec()));
            }
        }
    }

    fn write_dropped(&self, steps: &mut TableSteps) {
        for parent in lost(&self.old, &self.new) {
            steps.first.push((self.alter(&format!("NO INHERIT {parent}")), LOCK.to_vec()));
        }
        for constraint in self.old.constraints.iter().filter(|constraint| !self.new.constraints.contains(constraint)) {
            let comes_with_parent =
                self.kept_parents.iter().any(|(before, after)| !before.constraints.contains(constraint) && after.constraints.contains(constraint));
            if (comes_with_parent && is_inherited(constraint) || self.forbidden_by_parent(&constraint.1))
                && !self.suspended_checks.contains(&bare(&constraint.0))
            {
                // Before the parent gets it: it would stay its own beside that.
                steps.early.push((self.alter(&format!("DROP CONSTRAINT {}", constraint.0)), LOCK.to_vec()));
            } else if self.joined.iter().any(|parent| parent.constraints.contains(constraint) && is_inherited(constraint)) {
                steps.unscripted.push(format!("constraint {} stays its own, beside being its parent's", constraint.0));
            } else if !self.suspended_checks.contains(&bare(&constraint.0)) && !self.has_of_parent(constraint) {
                let is_theirs = |heir: &TableText| heir.constraints.contains(constraint);
                let dropped = self.drop_here("CONSTRAINT", &constraint.0, |heir| heir.keeps_check(constraint), is_theirs);
                steps.at.extend(dropped.into_iter().map(|sql| (sql, LOCK.to_vec())));
            }
        }
        let mut dropped: Vec<&Column> = self.old.columns.iter().filter(|old| self.new.column(&old.name).is_none()).collect();
        // Those that are computed of others go before the others.
        dropped.sort_by_key(|old| old.generated.is_none());
        for old in dropped.into_iter().filter(|old| !self.went_with_parent(&old.name)) {
            if self.new_facts.iter().any(|fact| fact.name == bare(&old.name)) {
                steps.unscripted.push(format!("column {} stays its own, beside being its parent's", old.name));
            } else {
                let dropped = self.drop_here("COLUMN", &old.name, |heir| heir.keeps_column(&old.name), |heir| heir.column(&old.name).is_some());
                steps.at.extend(dropped.into_iter().map(|sql| (sql, LOSS.to_vec())));
            }
        }
    }

    /// Whether every row is written anew for a column that is added. Each value of a domain that has a constraint is checked, though all are one.
    fn is_written_for(&self, new: &Column) -> bool {
        let is_computed = new.generated.as_deref().is_some_and(is_stored) || new.default.as_deref().is_some_and(may_vary);
        is_computed || self.new_domains.constrains(&new.type_name)
    }

    /// Whether new columns have values in the rows that are there. PostgreSQL takes none while others hold the row type, not even one that it would not write.
    pub(super) fn writes_rows_for_new_columns(&self) -> bool {
        let is_new = |new: &&Column| self.old.column(&new.name).is_none() && !self.comes_from_parent(&new.name);
        self.new.columns.iter().filter(is_new).any(|new| new.default.is_some() || self.is_written_for(new))
    }

    fn write_added(&self, taken: &BTreeSet<String>, given: impl Fn(&str) -> GivenColumn, steps: &mut TableSteps) {
        for new in &self.new.columns {
            let old = self.old.column(&new.name);
            let again = old.is_some_and(|old| self.regenerates(old, new));
            if old.is_some() && !again {
                continue;
            }
            if self.comes_from_parent(&new.name) {
                let from = self.parent.as_ref().and_then(|(_, parent)| parent.column(&new.name)).filter(|parent| parent.default != new.default);
                steps.at.extend(from.map(|_| (self.default_of(new), LOCK.to_vec())));
                continue;
            }
            if self.kept_parents.iter().any(|(before, after)| before.column(&new.name).is_none() && after.column(&new.name).is_some()) {
                steps.unscripted.push(format!("column {} is its parent's only, where the source has it as its own, too", new.name));
                continue;
            }
            let GivenColumn { identity, default } = given(&new.name);
            let is_identity = identity.is_some();
            let new = Column { generated: new.generated.clone().or(identity), default: new.default.clone().or(default), ..new.clone() };
            let mut hazards = if is_identity || self.is_written_for(&new) { REWRITE.to_vec() } else { LOCK.to_vec() };
            let is_required = new.not_null.is_some() || self.new_domains.requires(&new.type_name);
            if is_required && new.default.is_none() && new.generated.is_none() {
                hazards.push(Hazard::MayFail);
            }
            steps.at.push((self.alter(&format!("ADD COLUMN {}", self.with_usual_not_null(&new, taken).written())), hazards));
        }
    }

    /// Whether a check is there anew under its old name: what was said of it has to be said again.
    pub(super) fn check_comes_again(&self, name: &str) -> bool {
        let of = |table: &TableText| table.constraints.iter().find(|(other, _)| bare(other) == name).cloned();
        let is_another = |old: &(String, String), new: &(String, String)| old != new || self.loses_with_parent(new);
        let is_another_check = matches!((of(&self.old), of(&self.new)), (Some(old), Some(new)) if is_another(&old, &new));
        self.suspended_checks.contains(name) || is_another_check || self.not_null_comes_again(name)
    }

    /// Whether a check is gone afterwards.
    pub(super) fn drops_check(&self, name: &str) -> bool {
        let has = |table: &TableText| table.constraints.iter().any(|(other, _)| bare(other) == name);
        has(&self.old) && !has(&self.new)
    }

    fn write_checks(&self, steps: &mut TableSteps) {
        let from_parent = |constraint: &(String, String)| self.parent.as_ref().is_some_and(|(_, new)| new.constraints.contains(constraint));
        for constraint in &self.new.constraints {
            let again = self.suspended_checks.contains(&bare(&constraint.0)) || self.loses_with_parent(constraint);
            let is_there = self.old.constraints.contains(constraint) || self.validated.contains(constraint);
            if (again || !is_there) && !from_parent(constraint) {
                steps.at.push((self.alter(&format!("ADD CONSTRAINT {} {}", constraint.0, constraint.1)), check_hazards(&constraint.1).to_vec()));
            }
        }
    }

    fn write_rest(&self, steps: &mut TableSteps) {
        if self.old.unlogged != self.new.unlogged {
            let word = if self.new.unlogged { "SET UNLOGGED" } else { "SET LOGGED" };
            steps.persistence.push((self.alter(word), REWRITE.to_vec()));
        }
        if self.old.access_method != self.new.access_method {
            let usual = if self.new.partition_key().is_some() { "DEFAULT" } else { "heap" };
            steps.at.push((self.alter(&format!("SET ACCESS METHOD {}", self.new.access_method.as_deref().unwrap_or(usual))), REWRITE.to_vec()));
        }
        for change in self.new.options.changes_from(&self.old.options) {
            steps.at.push((self.alter_only(&change), Vec::new()));
        }
        let is_anew = |statement: &str| {
            column_of(statement)
                .is_some_and(|column| self.pairs().any(|(old, new)| new.name == column && (self.regenerates(old, new) || self.retypes(old, new))))
        };
        for gone in self.old.trailing.iter().filter(|statement| !self.new.trailing.contains(statement)) {
            if column_of(gone).is_some_and(|column| self.new.column(column).is_none() && self.old.column(column).is_some()) {
                continue;
            }
            // Another type is stored as it usually is.
            if gone.contains(" SET STORAGE ") && is_anew(gone) {
                continue;
            }
            match undone(gone, &self.facts) {
                Some(sql) => steps.at.push((sql, LOCK.to_vec())),
                None => steps.unscripted.push(format!("`{gone}` is not undone")),
            }
        }
        for wanted in self.new.trailing.iter().filter(|statement| !self.old.trailing.contains(statement) || is_anew(statement)) {
            steps.at.push((wanted.clone(), LOCK.to_vec()));
        }
        let joined = self.joined_parents();
        steps.at.extend(joined.iter().map(|parent| (self.alter(&format!("INHERIT {parent}")), LOCK.to_vec())));
        let (old, new) = (fixed_after(&self.old, &self.new, &joined), self.new.fixed.clone());
        if old != new {
            steps.unscripted.push(format!("no statement makes `{}` of `{}`", new.join(" "), old.join(" ")));
        }
    }

    /// Parents that it can join: where all their columns are its own too.
    fn joined_parents(&self) -> Vec<&str> {
        let has = |fact: &ColumnFact| {
            let own = self.facts.iter().any(|old| (&old.name, &old.type_name) == (&fact.name, &fact.type_name));
            own || self.new.columns.iter().any(|column| bare(&column.name) == fact.name)
        };
        let has_check = |check: &(String, String)| self.old.constraints.contains(check) || self.new.constraints.contains(check);
        let checks = |parent: &TableText| parent.constraints.iter().filter(|check| is_inherited(check)).all(has_check);
        let requires = |column: &Column| column.not_null.is_none() || self.requires(&column.name);
        let fits = self.joined.iter().all(|parent| checks(parent) && parent.columns.iter().all(requires));
        if self.new_facts.iter().all(has) && fits { gained(&self.old, &self.new) } else { Vec::new() }
    }

    /// Of `NOT NULL a`: whether a parent that it stays with forbids NULL for its heirs too from now on.
    fn forbidden_by_parent(&self, definition: &str) -> bool {
        let Some(name) = definition.strip_prefix("NOT NULL ") else { return false };
        let forbids =
            |table: &TableText| table.column(name).and_then(|column| column.not_null.as_ref()).is_some_and(|said| !said.ends_with(" NO INHERIT"));
        self.kept_parents.iter().any(|(before, after)| !forbids(before) && forbids(after))
    }

    /// Whether a column is never NULL, or will be none.
    fn requires(&self, name: &str) -> bool {
        [&self.old, &self.new].iter().any(|table| table.column(name).is_some_and(|column| column.not_null.is_some()))
    }

    /// Whether it should inherit from a table, and no statement makes it.
    pub(super) fn stays_out(&self) -> bool {
        self.joined_parents().len() < gained(&self.old, &self.new).len()
    }
}
