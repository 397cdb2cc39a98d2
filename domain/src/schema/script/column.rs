//! Columns that stay: their types, defaults, expressions, and whether they may be NULL.

use super::{
    fate::Step,
    statement::Hazard,
    table::{CHECK, LOCK, REWRITE, TableChange, TableSteps},
    widening::{casts, keeps_rows},
};
use crate::schema::sql::{Column, TableText, bare, ident, usual_not_null};

impl TableChange {
    pub(super) fn default_of(&self, new: &Column) -> String {
        let action = new.default.as_ref().map_or("DROP DEFAULT".to_owned(), |default| format!("SET DEFAULT {default}"));
        self.alter_only(&format!("ALTER COLUMN {} {action}", new.name))
    }

    pub(super) fn write_column(&self, old: &Column, new: &Column, steps: &mut TableSteps) {
        let mut has_default = old.default.is_some() && !self.suspended_defaults.contains(&bare(&old.name));
        let inherited = self.comes_from_parent(&new.name);
        if old.generated.is_some() && new.generated.is_none() {
            steps.at.push((self.alter(&format!("ALTER COLUMN {} DROP EXPRESSION", new.name)), LOCK.to_vec()));
        } else if let (Some(before), Some(after)) = (&old.generated, &new.generated)
            && before != after
        {
            let expression = after.trim_start_matches("GENERATED ALWAYS AS").trim_end_matches("STORED").trim();
            steps.at.push((self.alter(&format!("ALTER COLUMN {} SET EXPRESSION AS {expression}", new.name)), REWRITE.to_vec()));
        }
        let mut default_stays = old.default == new.default && (has_default || new.default.is_none());
        if self.retypes(old, new) && !inherited {
            if has_default {
                steps.at.push((self.alter(&format!("ALTER COLUMN {} DROP DEFAULT", new.name)), LOCK.to_vec()));
                has_default = false;
                default_stays = new.default.is_none();
            }
            steps.at.push(self.retype(old, new));
        } else if self.retypes(old, new) {
            default_stays = new.default.is_none();
        }
        if !default_stays && (has_default || new.default.is_some()) {
            steps.at.push((self.default_of(new), LOCK.to_vec()));
        }
        self.write_not_null(old, new, steps);
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

    fn write_not_null(&self, old: &Column, new: &Column, steps: &mut TableSteps) {
        let (_, comes_with_parent) = self.parent_requires(&new.name);
        if old.not_null == new.not_null || comes_with_parent {
            return;
        }
        match new.not_null.as_deref() {
            Some("NOT NULL") => steps.at.push((self.alter(&self.set_not_null(new)), CHECK.to_vec())),
            Some(named) => {
                let name = named.trim_start_matches("CONSTRAINT").replacen(" NOT NULL", &format!(" NOT NULL {}", new.name), 1);
                steps.at.push((self.alter(&format!("ADD CONSTRAINT{name}")), CHECK.to_vec()));
            }
            None => {}
        }
    }

    /// The usual name of a column's NOT NULL, where another table holds it and it has to be asked for.
    fn taken_not_null(&self, new: &Column) -> Option<String> {
        usual_not_null(&self.new.name, &new.name).filter(|name| self.not_null_names.contains(name))
    }

    fn set_not_null(&self, new: &Column) -> String {
        match self.taken_not_null(new) {
            Some(name) => format!("ADD CONSTRAINT {} NOT NULL {}", ident(&name), new.name),
            None => format!("ALTER COLUMN {} SET NOT NULL", new.name),
        }
    }

    pub(super) fn with_usual_not_null(&self, new: &Column) -> Column {
        let taken = self.taken_not_null(new).filter(|_| new.not_null.as_deref() == Some("NOT NULL"));
        let not_null = taken.map(|name| format!("CONSTRAINT {} NOT NULL", ident(&name))).or_else(|| new.not_null.clone());
        Column { not_null, ..new.clone() }
    }
}
