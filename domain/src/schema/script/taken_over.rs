//! What a table takes over of its parents, which it had by them: of those that it leaves, and what those lose that it keeps.

use super::{
    inheritance::{is_inherited, lost, with_ancestors},
    table::TableChange,
};
use crate::schema::sql::{Column, TableText, bare, ident, usual_not_null};

impl TableChange {
    /// A table that leaves its parent keeps the parent's columns and checks as its own.
    pub(super) fn take_over_lost_columns(&mut self, parent: impl Fn(&str) -> Option<TableText>) {
        let lost = with_ancestors(lost(&self.old, &self.new).into_iter().filter_map(&parent).collect(), &parent);
        if lost.is_empty() {
            return;
        }
        let own = std::mem::take(&mut self.old.columns);
        for fact in &self.facts {
            let named = |column: &&Column| bare(&column.name) == fact.name;
            // The defaults of inherited columns are objects by themselves.
            let inherited = || {
                let (parent, column) = lost.iter().find_map(|parent| parent.columns.iter().find(named).map(|column| (parent, column)))?;
                Some(Column { default: None, not_null: self.not_null_of(parent, column), ..column.clone() })
            };
            self.old.columns.extend(own.iter().find(named).cloned().or_else(inherited));
        }
        for constraint in lost.iter().flat_map(|parent| &parent.constraints) {
            if !self.old.constraints.contains(constraint) && is_inherited(constraint) {
                self.old.constraints.push(constraint.clone());
            }
        }
    }

    /// What forbids NULL in an heir's column: from PostgreSQL 18 on it has the name that is usual in the parent.
    fn not_null_of(&self, parent: &TableText, column: &Column) -> Option<String> {
        let usual = usual_not_null(&parent.name, &column.name).filter(|_| self.major >= 18 && column.not_null.as_deref() == Some("NOT NULL"));
        usual.map(|name| format!("CONSTRAINT {} NOT NULL", ident(&name))).or_else(|| column.not_null.clone())
    }

    /// What a parent loses that stays one, and it keeps as its own: it has had it already.
    pub(super) fn take_over_kept_columns(&mut self) {
        for (before, after) in &self.kept_parents {
            for column in before.columns.iter().filter(|column| after.column(&column.name).is_none()) {
                if let (None, Some(kept)) = (self.old.column(&column.name), self.new.column(&column.name)) {
                    // The defaults of inherited columns are objects by themselves, and what forbids them NULL stays as it is.
                    self.old.columns.push(Column { default: None, not_null: kept.not_null.clone(), ..column.clone() });
                }
            }
            for check in before.constraints.iter().filter(|check| is_inherited(check) && !after.constraints.contains(check)) {
                if !self.old.constraints.contains(check) && self.new.constraints.contains(check) {
                    self.old.constraints.push(check.clone());
                }
            }
        }
        let place = |column: &Column| self.facts.iter().position(|fact| fact.name == bare(&column.name));
        self.old.columns.sort_by_key(place);
    }
}
