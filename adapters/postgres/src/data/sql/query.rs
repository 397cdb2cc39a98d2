//! The parts of one `select`, put together at the end.

use super::{planner::Planner, statement::push_separated};

/// The parts of one `select`, put together at the end.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) columns: String,
    /// The source with its alias.
    pub(super) from: String,
    pub(super) joins: String,
    pub(super) conditions: String,
    pub(super) order: String,
    pub(super) limit: Option<u64>,
    pub(super) offset: u64,
}

impl Query {
    pub(super) fn from(source: String) -> Self {
        Self {
            columns: String::with_capacity(128),
            from: source,
            joins: String::new(),
            conditions: String::new(),
            order: String::new(),
            limit: None,
            offset: 0,
        }
    }

    /// Where the next condition is to be written.
    pub(super) fn condition(&mut self) -> &mut String {
        push_separated(&mut self.conditions, " and ");
        &mut self.conditions
    }

    /// `from .. where ..` without what only shows rows.
    pub(super) fn push_matching(&self, out: &mut String) {
        out.push_str(" from ");
        out.push_str(&self.from);
        self.push_conditions(out);
    }

    fn push_conditions(&self, out: &mut String) {
        if !self.conditions.is_empty() {
            out.push_str(" where ");
            out.push_str(&self.conditions);
        }
    }

    pub(super) fn push(&self, out: &mut String, planner: &mut Planner<'_>) {
        out.push_str("select ");
        out.push_str(&self.columns);
        out.push_str(" from ");
        out.push_str(&self.from);
        out.push_str(&self.joins);
        self.push_conditions(out);
        if !self.order.is_empty() {
            out.push_str(" order by ");
            out.push_str(&self.order);
        }
        // In the text, other than an offset: PostgreSQL would guess a tenth of the table for a parameter, find every plan for the true number better, and so
        // plan anew each time, which costs a small read half as much again. Readers have few limits and many offsets.
        if let Some(limit) = self.limit {
            out.push_str(" limit ");
            out.push_str(&bigint(limit));
        }
        if self.offset > 0 {
            out.push_str(" offset ");
            planner.params.bind(out, bigint(self.offset));
        }
    }
}

/// PostgreSQL counts rows in signed 64 bits; there are never more.
pub(super) fn bigint(number: u64) -> String {
    number.min(i64::MAX.unsigned_abs()).to_string()
}
