//! Parents of tables: left, and joined.

use crate::schema::sql::{TableText, split};

/// The parents of a table, as they are written.
pub(super) fn parents(table: &TableText) -> Vec<&str> {
    let clause = table.fixed.iter().find_map(|clause| clause.strip_prefix("INHERITS (")?.strip_suffix(')'));
    clause.map(|inner| split(inner, ',').into_iter().map(str::trim).collect()).unwrap_or_default()
}

/// An heir that stays one, before and after.
#[derive(Clone, Debug)]
pub(super) struct Heir {
    pub(super) old: TableText,
    pub(super) new: TableText,
}

impl Heir {
    /// Whether it keeps as its own a column that it had of its parent.
    pub(super) fn keeps_column(&self, name: &str) -> bool {
        self.old.column(name).is_none() && self.new.column(name).is_some()
    }

    /// Whether it keeps as its own a check that it had of its parent.
    pub(super) fn keeps_check(&self, check: &(String, String)) -> bool {
        !self.old.constraints.contains(check) && self.new.constraints.contains(check)
    }
}

/// Tables with what they inherit from, however far.
pub(super) fn with_ancestors(mut tables: Vec<TableText>, named: impl Fn(&str) -> Option<TableText>) -> Vec<TableText> {
    let mut at = 0;
    while let Some(further) = tables.get(at).map(|table| parents(table).into_iter().filter_map(&named).collect::<Vec<_>>()) {
        tables.extend(further);
        at += 1;
    }
    tables
}

/// Whether heirs have a parent's check too. What forbids NULL is told with their columns.
pub(super) fn is_inherited((_, definition): &(String, String)) -> bool {
    !definition.ends_with(" NO INHERIT") && !definition.starts_with("NOT NULL ")
}

fn only_in<'a>(table: &'a TableText, other: &TableText) -> Vec<&'a str> {
    let others = parents(other);
    parents(table).into_iter().filter(|parent| !others.contains(parent)).collect()
}

/// Parents that a table leaves.
pub(super) fn lost<'a>(old: &'a TableText, new: &TableText) -> Vec<&'a str> {
    only_in(old, new)
}

/// Parents that a table joins.
pub(super) fn gained<'a>(old: &TableText, new: &'a TableText) -> Vec<&'a str> {
    only_in(new, old)
}

/// What no statement changes of a table, once it has left parents and joined those that are named.
pub(super) fn fixed_after(old: &TableText, new: &TableText, joined: &[&str]) -> Vec<String> {
    let lost = lost(old, new);
    if lost.is_empty() && joined.is_empty() {
        return old.fixed.clone();
    }
    let kept: Vec<&str> = parents(old).into_iter().filter(|parent| !lost.contains(parent)).chain(joined.iter().copied()).collect();
    let clause = (!kept.is_empty()).then(|| format!("INHERITS ({})", kept.join(", ")));
    clause.into_iter().chain(old.fixed.iter().filter(|clause| !clause.starts_with("INHERITS (")).cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::{fixed_after, gained, lost};
    use crate::schema::sql::TableText;

    #[test]
    fn parents_are_left_and_joined() {
        let table = |parents: &str| TableText::read(&format!("CREATE TABLE app.t (\n    a integer\n)\n{parents};\n")).unwrap();
        let (none, one, two) = (table(""), table("INHERITS (app.p)"), table("INHERITS (app.p, app.q)"));
        assert_eq!((lost(&two, &one), gained(&one, &two)), (vec!["app.q"], vec!["app.q"]));
        assert_eq!(fixed_after(&two, &one, &[]), one.fixed);
        assert_eq!(fixed_after(&one, &two, &["app.q"]), two.fixed);
        assert_eq!(fixed_after(&none, &one, &["app.p"]), one.fixed);
        assert_eq!(fixed_after(&one, &none, &[]), none.fixed);
    }
}
