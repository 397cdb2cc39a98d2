//! The order of a table's columns, which no statement changes.

use super::{TableChange, TableSteps};
use crate::schema::sql::Column;

impl TableChange {
    /// The columns in the order that they will have: new ones stand last, whatever place they have in the source.
    pub(super) fn order(&self) -> Vec<&str> {
        let stays = |old: &&Column| self.new.column(&old.name).is_some_and(|new| !self.regenerates(old, new));
        let kept: Vec<&str> = self.old.columns.iter().filter(stays).map(|column| column.name.as_str()).collect();
        let added = self.new.columns.iter().map(|column| column.name.as_str()).filter(|name| !kept.contains(name));
        kept.iter().copied().chain(added).collect()
    }

    /// Whether columns stand in another order than in such a list.
    pub(in crate::schema::script) fn orders_otherwise(&self, listed: &[&str]) -> bool {
        let order = self.order();
        let places: Vec<usize> = listed.iter().filter_map(|column| order.iter().position(|other| other == column)).collect();
        !places.is_sorted()
    }

    pub(super) fn check_order(&self, steps: &mut TableSteps) {
        let wanted: Vec<&str> = self.new.columns.iter().map(|column| column.name.as_str()).collect();
        let got = self.order();
        if got != wanted {
            steps.unscripted.push(format!("columns stay in the order {}; the source has {}", got.join(", "), wanted.join(", ")));
        }
    }
}
