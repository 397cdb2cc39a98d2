//! Columns that stay: their types, defaults, expressions, and whether they may be NULL.

use super::{
    casting::{cast, is_assigned},
    fate::Step,
    names::named_not_null,
    statement::Hazard,
    table::{CHECK, LOCK, REWRITE, TableChange, TableSteps},
    widening::keeps_rows,
};
use crate::schema::sql::{Column, TableText, bare, find_words, ident, usual_not_null};
use std::collections::BTreeSet;

/// What forbids NULL, as a column's line says it.
struct NotNull {
    /// As a name, where it is not the usual one.
    name: Option<String>,
    no_inherit: bool,
}

impl NotNull {
    fn read(text: &str) -> Option<Self> {
        let (head, rest) = text.split_at(find_words(text, "NOT NULL")?);
        let name = head.trim().strip_prefix("CONSTRAINT ").map(|name| bare(name.trim()));
        Some(Self { name, no_inherit: rest.ends_with(" NO INHERIT") })
    }

    fn name_in(self, table: &str, column: &str) -> Option<String> {
        self.name.or_else(|| usual_not_null(table, column))
    }
}

impl TableChange {
    pub(super) fn default_of(&self, new: &Column) -> String {
        let action = new.default.as_ref().map_or("DROP DEFAULT".to_owned(), |default| format!("SET DEFAULT {default}"));
        self.alter_only(&format!("ALTER COLUMN {} {action}", new.name))
    }

    /// Before the types of the columns that it was computed of change.
    pub(super) fn write_computed_no_more(&self, old: &Column, new: &Column, steps: &mut TableSteps) {
        if old.generated.is_some() && new.generated.is_none() {
            steps.at.push((self.alter(&format!("ALTER COLUMN {} DROP EXPRESSION", new.name)), LOCK.to_vec()));
        }
    }

    /// Once all that it may speak of is there.
    pub(super) fn write_expression(&self, old: &Column, new: &Column, steps: &mut TableSteps) {
        if let (Some(before), Some(after)) = (&old.generated, &new.generated)
            && before != after
        {
            let expression = after.trim_start_matches("GENERATED ALWAYS AS").trim_end_matches("STORED").trim();
            steps.at.push((self.alter(&format!("ALTER COLUMN {} SET EXPRESSION AS {expression}", new.name)), REWRITE.to_vec()));
        }
    }

    pub(super) fn write_column(&self, old: &Column, new: &Column, taken: &BTreeSet<String>, steps: &mut TableSteps) {
        let mut default = old.default.as_ref().filter(|_| !self.suspended_defaults.contains(&bare(&old.name)));
        if self.retypes(old, new) {
            // A partition's goes with its parent's, and so does its type.
            let goes = default.take().is_some();
            if !self.comes_from_parent(&new.name) {
                if goes {
                    steps.at.push((self.alter(&format!("ALTER COLUMN {} DROP DEFAULT", new.name)), LOCK.to_vec()));
                }
                steps.at.push(self.retype(old, new));
            }
        }
        if default != new.default.as_ref() {
            steps.at.push((self.default_of(new), LOCK.to_vec()));
        }
        self.write_not_null(old, new, taken, steps);
    }

    /// Whether what forbids NULL under that name is there anew, for the same column or for another.
    pub(super) fn not_null_comes_again(&self, name: &str) -> bool {
        let of = |table: &TableText| {
            let mut columns = table.columns.iter();
            columns
                .find(|column| {
                    let not_null = column.not_null.as_deref().and_then(NotNull::read);
                    not_null.and_then(|said| said.name_in(&table.name, &column.name)).is_some_and(|own| own == name)
                })
                .cloned()
        };
        self.major >= 18 && of(&self.old).zip(of(&self.new)).is_some_and(|(old, new)| old.name != new.name || self.regenerates(&old, &new))
    }

    fn retype(&self, old: &Column, new: &Column) -> Step {
        let collation = new.collation.as_ref().map(|collation| format!(" {collation}")).unwrap_or_default();
        let again = self.retyped.contains(&bare(&new.name));
        let (before, after) = (self.old_domains.base(&old.type_name), self.new_domains.base(&new.type_name));
        // A type of ours that is made again under its name is another one; a domain over a type of the server's is not.
        let is_another = again && before.contains('.');
        let is_assigned =
            new.generated.is_some() || !is_another && is_assigned(&before, &after) && !self.old_domains.casts_when_told(&before, &after);
        let using = if is_assigned {
            String::new()
        } else {
            format!(" USING {}{}", new.name, cast((!is_another).then_some(&before), &after, &new.type_name))
        };
        let keeps = !again && keeps_rows(&before, &after);
        let mut hazards = if keeps { LOCK.to_vec() } else { REWRITE.to_vec() };
        if !keeps {
            hazards.push(Hazard::MayFail);
        }
        if new.generated.is_none() && self.old_domains.lose(&old.type_name, &self.new_domains, &new.type_name) {
            hazards.insert(0, Hazard::DataLoss);
        }
        (self.alter(&format!("ALTER COLUMN {} TYPE {}{collation}{using}", new.name, new.type_name)), hazards)
    }

    /// Whether a partition's parent forbids NULL, before and after.
    fn parent_requires(&self, name: &str) -> (bool, bool) {
        let requires = |table: &TableText| table.column(name).is_some_and(|column| column.not_null.is_some());
        self.parent.as_ref().map_or((false, false), |(old, new)| (requires(old), requires(new)))
    }

    /// The statements by which what forbids NULL gets another name, or is its heirs' too or not; no row is read for that. From PostgreSQL 18 on, where it is a
    /// constraint. `None` where it comes or goes, or where somebody has the name.
    fn not_null_in_place(&self, old: &Column, new: &Column, taken: &BTreeSet<String>) -> Option<Result<Vec<String>, String>> {
        let (before, after) = (NotNull::read(old.not_null.as_deref()?)?, NotNull::read(new.not_null.as_deref()?)?);
        if self.major < 18 || old.not_null == new.not_null {
            return None;
        }
        let is_required = |table: &TableText| table.column(&new.name).and_then(|column| column.not_null.clone());
        let of_parents = self.parent.iter().chain(&self.kept_parents).find_map(|(old, new)| is_required(old).zip(is_required(new)));
        if let Some((old_name, new_name)) = of_parents {
            let said = format!("what forbids NULL in column {} keeps the name that its parent gave it", new.name);
            return Some(if old_name == new_name { Err(said) } else { Ok(Vec::new()) });
        }
        let no_inherit = (before.no_inherit, after.no_inherit);
        let (from, to) = (before.name_in(&self.old.name, &old.name)?, after.name_in(&self.new.name, &new.name)?);
        if from != to && taken.contains(&to) {
            return None;
        }
        let renamed = (from != to).then(|| self.alter(&format!("RENAME CONSTRAINT {} TO {}", ident(&from), ident(&to))));
        let inherits = if no_inherit.1 { "NO INHERIT" } else { "INHERIT" };
        let toggled = (no_inherit.0 != no_inherit.1).then(|| self.alter(&format!("ALTER CONSTRAINT {} {inherits}", ident(&to))));
        // What heirs have of it would stay theirs.
        let has_own = |heir: &TableText| {
            let said = format!("NOT NULL {}", new.name);
            heir.column(&new.name).is_some_and(|column| column.not_null.is_some()) || heir.constraints.iter().any(|(_, own)| own.starts_with(&said))
        };
        let losing = self.heirs.iter().filter(|heir| toggled.is_some() && no_inherit.1 && !has_own(&heir.old) && !has_own(&heir.new));
        let lost: Vec<String> = losing.map(|heir| format!("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", heir.new.name, new.name)).collect();
        Some(Ok(renamed.into_iter().chain(toggled).chain(lost).collect()))
    }

    /// Before others are forbidden NULL: from PostgreSQL 18 on that is a constraint with a name, which may be wanted elsewhere.
    pub(super) fn write_nullable(&self, old: &Column, new: &Column, taken: &BTreeSet<String>, steps: &mut TableSteps) {
        if let Some(in_place) = self.not_null_in_place(old, new, taken) {
            return match in_place {
                Ok(changes) => steps.at.extend(changes.into_iter().map(|sql| (sql, LOCK.to_vec()))),
                Err(reason) => steps.unscripted.push(reason),
            };
        }
        let goes_with_parent = self.parent_requires(&new.name) == (true, false);
        // It is not said again then, but stays.
        let stays_for_parent =
            new.not_null.is_none() && self.joined.iter().any(|parent| parent.column(&new.name).is_some_and(|column| column.not_null.is_some()));
        if old.not_null.is_some() && old.not_null != new.not_null && !goes_with_parent && !stays_for_parent {
            steps.at.push((self.alter(&format!("ALTER COLUMN {} DROP NOT NULL", new.name)), LOCK.to_vec()));
        }
    }

    fn write_not_null(&self, old: &Column, new: &Column, taken: &BTreeSet<String>, steps: &mut TableSteps) {
        let (_, comes_with_parent) = self.parent_requires(&new.name);
        if old.not_null == new.not_null || comes_with_parent || self.not_null_in_place(old, new, taken).is_some() {
            return;
        }
        match self.with_usual_not_null(new, taken).not_null.as_deref() {
            Some("NOT NULL") => steps.at.push((self.alter(&format!("ALTER COLUMN {} SET NOT NULL", new.name)), CHECK.to_vec())),
            Some(named) => {
                let wanted = named.replacen("NOT NULL", &format!("NOT NULL {}", new.name), 1);
                steps.at.push((self.alter(&format!("ADD {wanted}")), CHECK.to_vec()));
            }
            None => {}
        }
    }

    /// A column that asks for the usual name of its NOT NULL where that is taken.
    pub(super) fn with_usual_not_null(&self, new: &Column, taken: &BTreeSet<String>) -> Column {
        let not_null = named_not_null(&self.new.name, new, taken).or_else(|| new.not_null.clone());
        Column { not_null, ..new.clone() }
    }
}
