//! What becomes of each column in a copy, or why there is none.

use super::{
    ColumnName, Kind, Mask, MaskFault, MaskingRefused, PrivacyRules, PrivateColumn, PrivateTable, Suspect,
    families::{Families, Place},
    secret::secret,
    suspicion::suspicion,
    tagged,
};
use crate::{
    branch::{Withheld, WithheldRows},
    table::QualifiedName,
};
use std::collections::{BTreeMap, BTreeSet};

/// The masked columns of every table that has any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskingPlan {
    /// In the order of the tables' columns.
    pub tables: BTreeMap<QualifiedName, Vec<PlannedMask>>,
}

/// A column to mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedMask {
    /// Its name.
    pub column: String,
    /// What its values are made of.
    pub kind: Kind,
    /// As what they arrive; never [`Mask::Keep`].
    pub mask: Mask,
    /// How many characters texts get at most: the same for all columns whose values must stay equal.
    pub width: u32,
    /// Why, for people.
    pub reason: String,
}

/// Columns of Fluxbase's own tables that look personal. Their copying is Fluxbase's own doing, and said in its documentation; a rule changes it. Whoever has one
/// of them masked is asked about the others.
const OURS: [(&str, &str, &str); 3] = [("auth", "users", "email"), ("auth", "users", "raw_user_meta_data"), ("auth", "users", "raw_app_meta_data")];

/// Plans masks. With `complete`, a rule for a column that is not there is a fault: it would protect nothing, in silence.
pub fn plan_masks(tables: &[PrivateTable], rules: &PrivacyRules, withheld: &[Withheld], complete: bool) -> Result<MaskingPlan, MaskingRefused> {
    let families = Families::of(tables);
    let mut plan = Planner { families: &families, rules, withheld, decisions: vec![None; families.len()], faults: Vec::new(), used: false };
    plan.decide(complete);
    plan.spread();
    plan.hide_secrets();
    let planned = plan.masks();
    if !plan.faults.is_empty() {
        return Err(MaskingRefused::Faults(plan.faults));
    }
    let suspects = plan.suspects();
    if suspects.is_empty() { Ok(planned) } else { Err(MaskingRefused::Unclassified(suspects)) }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Decision {
    mask: Mask,
    reason: String,
}

struct Planner<'a> {
    families: &'a Families<'a>,
    rules: &'a PrivacyRules,
    withheld: &'a [Withheld],
    decisions: Vec<Option<Decision>>,
    faults: Vec<MaskFault>,
    /// Whether anybody asked for anything.
    used: bool,
}

impl Planner<'_> {
    /// What rules and comments say of each column, or of the same column further up. The configuration outweighs comments.
    fn decide(&mut self, complete: bool) {
        let mut configured: Vec<Option<Decision>> = vec![None; self.families.len()];
        for rule in self.rules.masking() {
            self.used = true;
            match self.families.place(&rule.column.table, &rule.column.column) {
                Some(place) => configured[place] = Some(Decision { mask: rule.mask, reason: "a rule of branching.masking".to_owned() }),
                None if complete => self.faults.push(MaskFault::NoSuchColumn(rule.column.clone())),
                None => {}
            }
        }
        let mut commented: Vec<Option<Decision>> = vec![None; self.families.len()];
        for (place, decision) in commented.iter_mut().enumerate() {
            let (_, column) = self.families.at(place);
            match column.comment.as_deref().map(tagged).transpose() {
                Ok(found) => *decision = found.flatten().map(|mask| Decision { mask, reason: "its comment".to_owned() }),
                Err(source) => self.faults.push(MaskFault::Comment { column: self.families.name(place), source }),
            }
            self.used |= decision.is_some();
        }
        self.decisions = (0..self.families.len())
            .map(|place| inherited(self.families, &configured, place).or_else(|| inherited(self.families, &commented, place)))
            .collect();
    }

    /// Columns whose values must stay equal have one mask: those of which nothing was said follow the others.
    fn spread(&mut self) {
        for family in self.families.all().into_iter().filter(|family| family.len() > 1) {
            let leaders: Vec<Place> = family.iter().copied().filter(|place| self.decisions[*place].is_some()).collect();
            let said: BTreeMap<Mask, Place> =
                leaders.iter().rev().filter_map(|place| Some((self.decisions[*place].as_ref()?.mask, *place))).collect();
            match said.len() {
                0 => {}
                1 => {
                    let mask = *said.keys().next().expect("there is one");
                    for (follower, reason) in self.families.followers(&leaders) {
                        self.decisions[follower] = Some(Decision { mask, reason });
                    }
                }
                _ => self.faults.push(MaskFault::Unlike(said.into_iter().map(|(mask, place)| (self.families.name(place), mask)).collect())),
            }
        }
    }

    /// Where nothing was said of a column that looks as if it held a secret: NULL where nothing forbids it, else a digest. That is no rule of anybody's, and
    /// asks for none of the rest.
    fn hide_secrets(&mut self) {
        for family in self.families.all() {
            if family.iter().any(|place| self.is_harmless(*place)) {
                continue;
            }
            let looks = |place: &Place| {
                let (table, column) = self.families.at(*place);
                secret(&table.name, column, self.used).filter(|_| column.generated_from.is_none() && self.decisions[*place].is_none())
            };
            let found: Vec<(Place, String)> = family.iter().filter_map(|place| Some((*place, looks(place)?))).collect();
            let leaders: Vec<Place> = found.iter().map(|(place, _)| *place).collect();
            if leaders.is_empty() {
                continue;
            }
            let all = |holds: &dyn Fn(&PrivateColumn) -> bool| family.iter().all(|place| holds(self.families.at(*place).1));
            let free = |column: &PrivateColumn| column.nullable && column.key.is_none() && !column.checked && !column.partition_key;
            let alone = |place: &Place| self.families.foreign_key(*place).is_none() && self.families.computed(*place).next().is_none();
            let may_be_null = all(&free) && family.iter().all(alone);
            let has_digest =
                all(&|column| Mask::Hash.fits(column.kind) && (!column.kind.is_text() || Mask::Hash.width(column.room, false).is_some()));
            let mask = match (may_be_null, has_digest) {
                (true, _) => Mask::Null,
                (false, true) => Mask::Hash,
                (false, false) => Mask::Redact,
            };
            for (place, reason) in found.into_iter().chain(self.families.followers(&leaders)) {
                self.decisions[place].get_or_insert(Decision { mask, reason });
            }
        }
    }

    /// Whether somebody said so of the column by its name, or of the same column further up. `public.shops.*` is not said of a password.
    fn is_harmless(&self, place: Place) -> bool {
        let (table, column) = self.families.at(place);
        self.rules.names_harmless(&table.name, &column.name) || self.families.inherited(place).any(|parent| self.is_harmless(parent))
    }

    fn masks(&mut self) -> MaskingPlan {
        let mut plan = MaskingPlan::default();
        let mut at_fault = BTreeSet::new();
        let wide = (0..self.families.len()).any(|place| self.mask(place) == Some(Mask::Phone) && self.key(place).is_some());
        for family in self.families.all() {
            let room = family.iter().filter_map(|place| self.families.at(*place).1.room).min();
            for place in &family {
                let Some(mask) = self.mask(*place).filter(|_| self.arrives(*place)) else { continue };
                match self.fitted(*place, mask, &family, room, wide) {
                    Ok((mask, width)) => {
                        let (table, column) = self.families.at(*place);
                        let reason = self.decisions[*place].as_ref().map(|decision| decision.reason.clone()).unwrap_or_default();
                        let planned = PlannedMask { column: column.name.clone(), kind: column.kind, mask, width, reason };
                        plan.tables.entry(table.name.clone()).or_default().push(planned);
                    }
                    // Partitions are not blamed for their whole.
                    Err(_) if self.families.inherited(*place).any(|parent| at_fault.contains(&parent)) => drop(at_fault.insert(*place)),
                    Err(fault) => {
                        at_fault.insert(*place);
                        self.faults.push(*fault);
                    }
                }
            }
        }
        for (table, planned) in &mut plan.tables {
            planned.sort_by_key(|planned| self.families.place(table, &planned.column));
        }
        plan
    }

    /// The mask as it will be, and its width; or why it cannot be.
    fn fitted(&self, place: Place, mask: Mask, family: &[Place], room: Option<u32>, wide: bool) -> Result<(Mask, u32), Box<MaskFault>> {
        let (table, own) = self.families.at(place);
        let column = self.families.name(place);
        if let Some(from) = &own.generated_from {
            let masked = from.iter().filter_map(|source| self.families.place(&table.name, source)).any(|source| self.mask(source).is_some());
            return if masked { Ok((mask, 0)) } else { Err(Box::new(MaskFault::Computed { column, mask, from: from.join(", ") })) };
        }
        // What has no empty value may still be no value.
        let mask = if mask == Mask::Redact && !mask.fits(own.kind) && own.nullable { Mask::Null } else { mask };
        if own.partition_key {
            return Err(Box::new(MaskFault::PartitionKey { column, mask }));
        }
        if mask == Mask::Null && !own.nullable {
            return Err(Box::new(MaskFault::NotNull(column)));
        }
        if !mask.fits(own.kind) {
            return Err(Box::new(MaskFault::DoesNotFit { column, mask, declared: own.declared.clone() }));
        }
        if let Some(key) = self.key(place).filter(|_| !mask.is_injective(own.kind)) {
            return Err(Box::new(MaskFault::LossyOnKey { column, mask, key }));
        }
        if mask == Mask::Number && own.numbered {
            return Err(Box::new(MaskFault::Numbered(column)));
        }
        if let Some(key) = self.families.foreign_key(place) {
            if own.loose {
                return Err(Box::new(MaskFault::LooseKey { column, mask, key: key.to_owned() }));
            }
            if let Some(other) = family.iter().find(|other| !alike(own, self.families.at(**other).1)) {
                return Err(Box::new(MaskFault::UnlikeTypes { column, mask, other: self.families.name(*other) }));
            }
        }
        let room = if own.kind.is_text() { room } else { None };
        mask.width(room, wide)
            .map(|width| (mask, width))
            .ok_or_else(|| Box::new(MaskFault::TooShort { column, mask, room: room.unwrap_or_default() }))
    }

    /// What its values arrive as, where they are to change.
    fn mask(&self, place: Place) -> Option<Mask> {
        self.decisions[place].as_ref().map(|decision| decision.mask).filter(|mask| *mask != Mask::Keep)
    }

    fn key(&self, place: Place) -> Option<String> {
        let own = self.families.at(place).1.key.as_ref().map(|key| format!("key {key}"));
        own.or_else(|| self.families.foreign_key(place).map(|key| format!("foreign key {key}"))).or_else(|| {
            let computed = |other| Some(format!("{} of {}, which is computed from it,", self.key(other)?, self.families.at(other).1.name));
            self.families.computed(place).find_map(computed)
        })
    }

    /// Whether any of its values come along.
    fn arrives(&self, place: Place) -> bool {
        let (table, column) = self.families.at(place);
        let withheld = self.withheld.iter().find(|entry| entry.table == table.name);
        !withheld.is_some_and(|entry| entry.rows == WithheldRows::All || entry.nulled_columns.contains(&column.name))
    }

    /// Where anybody asked for anything: the columns that look personal, and of which nothing was said.
    fn suspects(&self) -> Vec<Suspect> {
        let places = (0..self.families.len()).filter(|place| self.used && !self.spoken_for(*place) && self.arrives(*place));
        places.filter_map(|place| Some(Suspect { reason: self.suspicion(place)?, column: self.families.name(place) })).collect()
    }

    fn spoken_for(&self, place: Place) -> bool {
        let ColumnName { table, column } = self.families.name(place);
        self.decisions[place].is_some() || self.is_ours(&table, &column) || self.rules.calls_harmless(&table, &column)
    }

    fn is_ours(&self, table: &QualifiedName, column: &str) -> bool {
        let masked = |column| self.families.place(table, column).is_some_and(|place| self.mask(place).is_some());
        let of_table = |(schema, name, _): &&(&str, &str, &str)| *schema == table.schema && *name == table.name;
        let ours = || OURS.iter().filter(of_table).map(|(_, _, column)| *column);
        ours().any(|own| own == column) && !ours().any(masked)
    }

    fn suspicion(&self, place: Place) -> Option<String> {
        let (table, column) = self.families.at(place);
        // What is said further up holds here too, and what is computed is as personal as what it is computed from.
        let sources = column.generated_from.iter().flatten().filter_map(|source| self.families.place(&table.name, source));
        let elsewhere = self.families.inherited(place).next().is_some()
            || sources.into_iter().any(|source| self.spoken_for(source) || suspicion(self.families.at(source).1).is_some());
        if elsewhere { None } else { self.copied_rows(column).or_else(|| suspicion(column)) }
    }

    /// Why a column whose values are rows of other tables holds what those tables keep back, where one does.
    fn copied_rows(&self, column: &PrivateColumn) -> Option<String> {
        let is_masked =
            |table: &QualifiedName| (0..self.families.len()).any(|place| self.families.at(place).0.name == *table && self.mask(place).is_some());
        let is_withheld = |table: &QualifiedName| self.withheld.iter().any(|entry| entry.table == *table);
        let table = column.rows_of.iter().find(|table| is_masked(table) || is_withheld(table))?;
        Some(format!("it holds rows of {table}, of which something is masked or withheld"))
    }
}

/// The column's own decision, else that of the same column of a table above.
fn inherited(families: &Families<'_>, decisions: &[Option<Decision>], place: Place) -> Option<Decision> {
    decisions[place].clone().or_else(|| {
        families.inherited(place).find_map(|parent| {
            let decision = inherited(families, decisions, parent)?;
            Some(Decision { reason: format!("as {}: {}", families.name(parent), decision.reason), ..decision })
        })
    })
}

/// Whether one mask gives equal values for equal ones of both columns.
fn alike(one: &PrivateColumn, other: &PrivateColumn) -> bool {
    let plain = |kind| matches!(kind, Kind::Text | Kind::PaddedText);
    one.kind == other.kind || (plain(one.kind) && plain(other.kind))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
