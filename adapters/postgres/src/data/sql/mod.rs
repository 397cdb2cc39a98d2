//! The planner: turns a typed request into one statement, with identifiers from the catalogue, values bound and operators from a closed list.
//!
//! Operators stay unqualified, so that those of extensions' types (citext, vector, ltree) are found by the login's search path; where a built-in one
//! is meant, its operands are cast to the exact types, which no other operator fits better. Functions are qualified. Whoever can plant an operator in
//! an exposed schema gets it run with the rights of the role that asks, which is what a trigger or a policy of that person gets as well.

mod array;
mod condition;
mod delete;
mod embed;
mod field;
mod hidden_rows;
mod insert;
mod marker;
mod order;
mod planner;
mod query;
mod refusal;
mod relationship;
mod resolution;
mod returning;
mod select;
mod select_list;
mod statement;
mod update;

#[cfg(test)]
mod example;

pub(super) use array::literal as array_literal;
pub(super) use delete::plan_delete;
pub(super) use insert::plan_insert;
pub(super) use marker::broken_guard;
pub(super) use planner::Grounds;
pub(super) use refusal::{Doubt, Refusal};
pub(super) use returning::{Inserted, Returns, WritePlan};
pub(super) use select::{plan_estimate, plan_select};
pub(super) use statement::Statement;
pub(super) use update::plan_update;
