//! Embedded relations, how their rows belong to their parents', and what names are looked up in.

use domain::{
    catalogue::{Link, Relation},
    table::{Embed, Operator, Test, TruthValue, Value},
};

use super::statement::Alias;

/// An embed with the relation it means and the way there, and so for those within it.
pub(super) struct Embedded<'a> {
    pub(super) embed: &'a Embed,
    pub(super) relation: &'a Relation,
    pub(super) link: Link<'a>,
    pub(super) embeds: Vec<Embedded<'a>>,
    /// `projects.tasks.`
    pub(super) path: String,
}

/// A relation that names are looked up in, under its alias.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s, 'a> {
    pub(super) relation: &'a Relation,
    pub(super) alias: Alias,
    /// What is embedded into it.
    pub(super) embeds: &'s [Embedded<'a>],
    /// The embeds that lead here, each with a dot behind it: for pointers.
    pub(super) path: &'s str,
}

impl<'a> Embedded<'a> {
    pub(super) fn scope(&self, alias: Alias) -> Scope<'_, 'a> {
        Scope { relation: self.relation, alias, embeds: &self.embeds, path: &self.path }
    }
}

/// A link as a refusal tells it: which columns of which tables meet.
pub(super) fn described(link: Link<'_>) -> String {
    match link {
        Link::ToOne(key) => format!("{}({}) and {}({})", key.origin, key.columns.join(", "), key.target, key.target_columns.join(", ")),
        Link::FromMany(key) => format!("{}({}) and {}({})", key.target, key.target_columns.join(", "), key.origin, key.columns.join(", ")),
        Link::Through { near, far } => format!(
            "{}({}) and {}({}) through {}({}; {})",
            near.target,
            near.target_columns.join(", "),
            far.target,
            far.target_columns.join(", "),
            near.origin,
            near.columns.join(", "),
            far.columns.join(", ")
        ),
    }
}

/// Whether a test asks if there are rows, not how they are.
pub(super) fn is_null_test(test: &Test) -> bool {
    test.operator == Operator::Is && matches!(test.value, Value::Truth(TruthValue::Null | TruthValue::NotNull))
}
