//! The text form of table requests: what REST query strings and MCP `filter` objects share.
//!
//! It is `PostgREST`'s grammar: the same text means the same thing. Where `PostgREST` passes over what it does not understand (text after a
//! complete value, a limit that is no number), it is an error here.

mod cursor;
mod error;
mod group;
mod key;
mod names;
mod node;
mod object;
mod operation;
mod order;
mod print;
mod print_query;
mod query;
mod scope;
mod select;
mod values;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod round_trip;

pub use error::{GrammarError, GrammarErrorKind, Part};
pub use group::GroupKind;
pub use object::FilterObject;
pub use print::{print_condition, print_name, print_order, print_select};
pub use print_query::{print_query, print_rows};
pub use query::{QueryParams, TableQuery, names_branch};

use super::{Condition, OrderTerm, SelectItem};
use cursor::Budget;

/// How deep groups and embeds may nest.
pub const MAX_DEPTH: usize = 32;
/// How many conditions, select items, order terms, names and steps into JSON one request may hold in all.
pub const MAX_ITEMS: usize = 1000;
/// How many bytes one parameter may have.
pub const MAX_TEXT: usize = 64 * 1024;

/// Reads one test: `parse_test("data->>age", "not.gte.18")`.
pub fn parse_test(field: &str, operation: &str) -> Result<Condition, GrammarError> {
    let mut budget = Budget::default();
    let field = budget.read(field, names::field).map_err(GrammarError::in_name)?;
    read_operation(&mut budget, field, operation)
}

/// Reads the members of a group in parentheses: `(a.eq.1,and(b.gt.2,c.is.null))`.
pub fn parse_group(kind: GroupKind, text: &str) -> Result<Condition, GrammarError> {
    Budget::default().read(text, |cursor| group::parenthesised(cursor, kind))
}

/// Reads one member of a group, which is what [`print_condition`] writes: `a.not.eq.1`, `not.or(a.eq.1,b.eq.2)`.
pub fn parse_condition(text: &str) -> Result<Condition, GrammarError> {
    Budget::default().read(text, group::member)
}

/// Reads a select list: `id, full:name, data->>a::int4, author!inner(name)`. Empty text is an empty list.
pub fn parse_select(text: &str) -> Result<Vec<SelectItem>, GrammarError> {
    Budget::default().read(text, select::items)
}

/// Reads an order: `a.desc.nullslast,author(name)`. Empty text is no order.
pub fn parse_order(text: &str) -> Result<Vec<OrderTerm>, GrammarError> {
    Budget::default().read(text, order::terms)
}

fn read_operation(budget: &mut Budget, field: super::FieldPath, operation: &str) -> Result<Condition, GrammarError> {
    budget.read(operation, |cursor| operation::test(cursor, field, operation::Place::Alone))
}

/// A JSON pointer's step: `/name`, escaped as RFC 6901 asks.
fn pointer_step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}
