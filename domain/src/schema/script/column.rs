//! Columns that stay: their types, defaults, expressions, and whether they may be NULL.

use super::{
    fate::Step,
    names::named_not_null,
    statement::Hazard,
    table::{CHECK, LOCK, REWRITE, TableChange, TableSteps},
    widening::{casts, keeps_rows},
};
use crate::schema::sql::{Column, TableText, bare};
use std::collections::BTreeSet;

impl TableChange {
    pub(super) fn default_of(&self, new: &Column) -> String {
        let action = new.default.as_ref().map_or("DROP DEFAULT".to_owned(), |default| format!("SET DEFAULT {default}"));
        self.alter_only(&format!("ALTER COLUMN {} {action}", new.name))
    }

    pub(super) fn write_column(&self, old: &Column, new: &Column, taken: &BTreeSet<String>, steps: &mut TableSteps) {
        if old.generated.is_some() && new.generated.is_none() {
            steps.at.push((self.alter(&format!("ALTER COLUMN {} DROP EXPRESSION", new.name)), LOCK.to_vec()));
        } else if let (Some(before), Some(after)) = (&old.generated, &new.generated)
            && before != after
        {
            let expression = after.trim_start_matches("GENERATED ALWAYS AS").trim_end_matches("STORED").trim();
            steps.at.push((self.alter(&format!("ALTER COLUMN {} SET EXPRESSION AS {expression}", new.name)), REWRITE.to_vec()));
        }
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

    fn retype(&self, old: &Column, new: &Column) -> Step {
        let collation = new.collation.as_ref().map(|collation| format!(" {collation}")).unwrap_or_default();
        // Through text where no cast need be there: every type can be written and read.
        let again = self.retyped.contains(&bare(&new.name));
        let through = if again || !casts(&old.type_name, &new.type_name) { "::pg_catalog.text" } else { "" };
        let using = format!(" USING {}{through}::{}", new.name, new.type_name);
        let using = if new.generated.is_some() { String::new() } else { using };
        let mut hazards =
            if !again && old.collation == new.collation && keeps_rows(&old.type_name, &new.type_name) { LOCK.to_vec() } else { REWRITE.to_vec() };
        if again || !keeps_rows(&old.type_name, &new.type_name) {
            hazards.push(Hazard::MayFail);
        }
        (self.alter(&format!("ALTER COLUMN {} TYPE {}{collation}{using}", new.name, new.type_name)), hazards)
    }

    /// Whether a partition's parent forbids NULL, before and after.
    fn parent_requires(&self, name: &str) -> (bool, bool) {
        let requires = |table: &TableText| table.column(name).is_some_and(|column| column.not_null.is_some());
        self.parent.as_ref().map_or((false, false), |(old, new)| (requires(old), requires(new)))
    }

    /// Before others are forbidden NULL: from PostgreSQL 18 on that is a constraint with a name, which may be wanted elsewhere.
    pub(super) fn write_nullable(&self, old: &Column, new: &Column, steps: &mut TableSteps) {
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
        if old.not_null == new.not_null || comes_with_parent {
            return;
        }
        match self.with_usual_not_null(new, taken).not_null.as_deref() {
            Some("NOT NULL") => steps.at.push((self.alter(&format!("ALTER COLUMN {} SET NOT NULL", new.name)), CHECK.to_vec())),
            Some(named) => {
                let name = named.trim_start_matches("CONSTRAINT").replacen(" NOT NULL", &format!(" NOT NULL {}", new.name), 1);
                steps.at.push((self.alter(&format!("ADD CONSTRAINT{name}")), CHECK.to_vec()));
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
