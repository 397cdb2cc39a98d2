//! The script, written from the plan.

use super::{
    fate::{Fate, Step},
    grants,
    plan::Plan,
    removal::{is_column, removal},
    statement::{Hazard, ScriptStatement},
    table::TableSteps,
    types::step_aside,
};
use crate::schema::{
    Identity, Kind, Object, Unscripted,
    sql::{TableText, bare, ident},
};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a name at most.
const MAX_NAME: usize = 63;

/// When something is made. Within one turn, in the order of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
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
    script: Vec<ScriptStatement>,
    unscripted: Vec<Unscripted>,
}

pub(super) fn emit(plan: &Plan<'_>) -> (Vec<ScriptStatement>, Vec<Unscripted>) {
    let tables = plan.tables.iter().map(|(place, change)| (*place, change.write())).collect();
    let mut writer = Writer { plan, tables, made: made(plan), script: Vec::new(), unscripted: Vec::new() };
    writer.write();
    (writer.script, writer.unscripted)
}

/// What is new, what is made again, and what was said of those.
fn made(plan: &Plan<'_>) -> BTreeSet<usize> {
    let source = plan.source.map.objects();
    let is_made = |object: &Object| plan.target.map.place(&object.identity).is_none_or(|place| plan.fates[place] == Fate::Rebuild);
    let mut made: BTreeSet<usize> = source.iter().enumerate().filter(|(_, object)| is_made(object)).map(|(place, _)| place).collect();
    let said: Vec<usize> = source.iter().enumerate().filter(|(_, object)| object.address.is_none()).map(|(place, _)| place).collect();
    for place in said {
        let object = &source[place];
        let bearer_is_made = object.requires.iter().any(|required| made.contains(required) && source[*required].address.is_some());
        if bearer_is_made || is_of_new_column(plan, object) {
            made.insert(place);
        }
    }
    made
}

fn is_of_new_column(plan: &Plan<'_>, object: &Object) -> bool {
    let Some(name) = object.identity.name.strip_prefix("COLUMN ") else { return false };
    let tables = object.requires.iter().filter_map(|required| plan.target.map.place(&plan.source.map.objects()[*required].identity));
    let change = tables.into_iter().find_map(|place| plan.tables.get(&place));
    change.is_some_and(|change| change.new.columns.iter().any(|column| is_column(name, &column.name) && change.comes_again(&bare(&column.name))))
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
        let neutral = self.needs_no_default_grants();
        if neutral {
            for object in target.iter().filter(|object| object.identity.kind == Kind::DefaultAcl) {
                let steps = grants::changes(Some(&object.definition), None).unwrap_or_default();
                self.steps(&object.identity, &steps.into_iter().map(|sql| (sql, Vec::new())).collect::<Vec<_>>());
            }
        }
        self.write_early();
        let mut turns: Vec<(Turn, usize)> = source.iter().enumerate().map(|(place, object)| (self.turn(object), place)).collect();
        turns.sort();
        let (before_rules, from_rules) = turns.split_at(turns.partition_point(|(turn, _)| *turn < Turn::Rules));
        for (_, place) in before_rules {
            self.write_source(*place, neutral);
        }
        self.write_refreshed();
        self.write_revoked();
        for (_, place) in from_rules {
            self.write_source(*place, neutral);
        }
        self.write_late(neutral);
    }

    /// What is said of something comes right after it.
    fn turn(&self, object: &Object) -> Turn {
        let said = matches!(object.identity.kind, Kind::Comment | Kind::SecurityLabel);
        let of = object.requires.first().filter(|_| said).map(|of| Turn::of(&self.plan.source.map.objects()[*of].identity.kind));
        of.unwrap_or_else(|| Turn::of(&object.identity.kind))
    }

    fn steps(&mut self, identity: &Identity, steps: &[Step]) {
        self.script.extend(steps.iter().map(|(sql, hazards)| ScriptStatement::new(identity, sql.as_str(), hazards)));
    }

    /// New objects would get what the target grants by default, on top of what the source grants.
    fn needs_no_default_grants(&self) -> bool {
        let has_grants = |place: &usize| {
            let kind = &self.plan.source.map.objects()[*place].identity.kind;
            kind.shares_names().is_some_and(|_| *kind != Kind::Index) || *kind == Kind::Schema
        };
        let has_defaults = self.plan.target.map.objects().iter().any(|object| object.identity.kind == Kind::DefaultAcl);
        has_defaults && self.made.iter().any(has_grants)
    }

    fn write_early(&mut self) {
        let plan = self.plan;
        let objects = plan.target.map.objects();
        let detached_first = |place: &usize| objects[*place].identity.kind != Kind::TableAttach;
        let mut places: Vec<usize> = (0..objects.len()).rev().collect();
        places.sort_by_key(detached_first);
        for place in places {
            let identity = &objects[place].identity;
            match &plan.fates[place] {
                Fate::Alter(change) => self.steps(identity, &change.early),
                Fate::Table => {
                    let early = std::mem::take(&mut self.tables.entry(place).or_default().early);
                    self.steps(identity, &early);
                }
                _ if plan.aside.contains(&place) => {
                    let (sql, _) = step_aside(&objects[place]).expect("it was planned to");
                    self.steps(identity, &[(sql, Vec::new())]);
                }
                _ if plan.early.contains(&place) => self.remove(place),
                _ => {}
            }
        }
    }

    fn remove(&mut self, place: usize) {
        let identity = &self.plan.target.map.objects()[place].identity;
        match removal(self.plan, place) {
            Some(steps) => self.steps(identity, &steps),
            None => self.unscripted.push(Unscripted::new(identity, "no statement that is known here takes it away")),
        }
    }

    fn write_source(&mut self, place: usize, neutral: bool) {
        let plan = self.plan;
        let object = &plan.source.map.objects()[place];
        if let Some(reason) = self.made.contains(&place).then(|| self.stands_on_the_unchanged(object)).flatten() {
            return self.unscripted.push(Unscripted::new(&object.identity, reason));
        }
        if self.made.contains(&place) || (neutral && object.identity.kind == Kind::DefaultAcl) {
            let definition = match object.identity.kind {
                Kind::Table if plan.target.facts.server_major >= 18 => with_named_not_null(&object.identity.name, &object.definition),
                _ => object.definition.clone(),
            };
            return self.steps(&object.identity, &[(definition, self.hazards_of_making(object))]);
        }
        let Some(before) = plan.target.map.place(&object.identity) else { return };
        match &plan.fates[before] {
            Fate::Alter(change) => self.steps(&object.identity, &change.at),
            Fate::Table => {
                let steps = std::mem::take(self.tables.entry(before).or_default());
                self.steps(&object.identity, &steps.at);
                self.unscripted.extend(steps.unscripted.iter().map(|reason| Unscripted::new(&object.identity, reason)));
            }
            Fate::Keep if self.lost_its_grants(object) => self.steps(&object.identity, &[(object.definition.clone(), Vec::new())]),
            _ => {}
        }
    }

    /// A table that should have been changed first, and was not.
    fn stands_on_the_unchanged(&self, object: &Object) -> Option<String> {
        if !object.identity.kind.hangs_on_a_relation() {
            return None;
        }
        let required = object.requires.iter().map(|required| &self.plan.source.map.objects()[*required].identity);
        let blocked = |identity: &&Identity| {
            let place = self.plan.target.map.place(identity);
            identity.kind == Kind::Table && place.is_some_and(|place| matches!(self.plan.fates[place], Fate::Blocked(_)))
        };
        required.into_iter().find(blocked).map(|table| format!("{table} is not changed"))
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
            let of_the_table = acl.identity.kind == Kind::Acl && acl.requires.first() == Some(table) && !acl.identity.name.starts_with("COLUMN ");
            of_the_table && matches!(self.plan.fates[other], Fate::Alter(_) | Fate::Remove) && grants::revokes(Some(&acl.definition))
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
            Kind::Index => vec![Hazard::LongScan, Hazard::ExclusiveLock],
            Kind::Constraint | Kind::FkConstraint | Kind::TableAttach => vec![Hazard::LongScan, Hazard::ExclusiveLock, Hazard::MayFail],
            ref kind if kind.hangs_on_a_relation() => vec![Hazard::ExclusiveLock],
            _ => Vec::new(),
        }
    }

    /// Materialised views that were made are empty; those of the source that hold rows get theirs.
    fn write_refreshed(&mut self) {
        let source = self.plan.source;
        for place in self.made.clone() {
            let object = &source.map.objects()[place];
            let full = object.address.is_some_and(|address| source.facts.populated.contains(&address.object));
            if object.identity.kind == Kind::MaterializedView && full {
                let name =
                    object.definition.strip_prefix("CREATE MATERIALIZED VIEW ").and_then(|rest| rest.split_once(" AS\n").or(rest.split_once('\n')));
                if let Some((name, _)) = name {
                    self.steps(&object.identity, &[(format!("REFRESH MATERIALIZED VIEW {}", name.trim()), vec![Hazard::LongScan])]);
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

    fn write_late(&mut self, neutral: bool) {
        let plan = self.plan;
        let objects = plan.target.map.objects();
        // Grants have gone already.
        let written = |kind: &Kind| *kind == Kind::Acl || (neutral && *kind == Kind::DefaultAcl);
        for place in (0..objects.len()).rev() {
            let identity = &objects[place].identity;
            if plan.aside.contains(&place) {
                let (_, name) = step_aside(&objects[place]).expect("it was planned to");
                self.steps(identity, &[(format!("DROP {name}"), Vec::new())]);
            } else if plan.fates[place] == Fate::Remove && !plan.early.contains(&place) && !written(&identity.kind) {
                self.remove(place);
            }
        }
    }
}

/// From PostgreSQL 18 on NOT NULL is a constraint with a name, and gets another than usual where a table that was renamed has that still: the usual name
/// is asked for.
fn with_named_not_null(table: &str, definition: &str) -> String {
    let Some(read) = TableText::read(definition) else { return definition.to_owned() };
    let line = |line: &str| {
        let (text, comma) = line.strip_suffix(',').map_or((line, ""), |text| (text, ","));
        let column = read.columns.iter().find(|column| {
            column.not_null.as_deref() == Some("NOT NULL")
                && text.strip_prefix("    ").and_then(|text| text.strip_prefix(column.name.as_str())).is_some_and(|rest| rest.starts_with(' '))
        });
        match (column, text.strip_suffix(" NOT NULL")) {
            (Some(column), Some(head)) => {
                let name = format!("{table}_{}_not_null", bare(&column.name));
                // A longer one is cut by rules of its own.
                if name.len() <= MAX_NAME { format!("{head} CONSTRAINT {} NOT NULL{comma}", ident(&name)) } else { line.to_owned() }
            }
            _ => line.to_owned(),
        }
    };
    definition.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::with_named_not_null;

    #[test]
    fn only_not_null_without_a_name_gets_one() {
        let text = "CREATE TABLE public.t (\n    a integer NOT NULL,\n    b text CONSTRAINT x NOT NULL,\n    c text DEFAULT 'y'::text NOT NULL\n);";
        let expected = "CREATE TABLE public.t (\n    a integer CONSTRAINT \"t_a_not_null\" NOT NULL,\n    b text CONSTRAINT x NOT NULL,\n    c text DEFAULT 'y'::text CONSTRAINT \"t_c_not_null\" NOT NULL\n);";
        assert_eq!(with_named_not_null("t", text), expected);
    }
}
