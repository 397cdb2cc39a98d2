//! Embedded relations and how their rows belong to their parents'.

use domain::{
    catalogue::{ForeignKey, Relation},
    table::{Embed, Operator, QualifiedName, Test, TruthValue, Value},
};

use super::{planner::Scope, statement::Alias};

/// An embed with the relation it means and the way there, and so for those within it.
pub(super) struct Embedded<'a> {
    pub(super) embed: &'a Embed,
    pub(super) relation: &'a Relation,
    pub(super) link: Link<'a>,
    pub(super) embeds: Vec<Embedded<'a>>,
    /// `projects.tasks.`
    pub(super) path: String,
}

/// How rows of the embedded relation belong to a row of its parent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link<'a> {
    /// The parent references them.
    ToOne(&'a ForeignKey),
    /// They reference the parent.
    FromMany(&'a ForeignKey),
    /// A table between references both.
    Through {
        /// Junction to parent.
        near: &'a ForeignKey,
        /// Junction to embedded relation.
        far: &'a ForeignKey,
    },
}

impl<'a> Embedded<'a> {
    pub(super) fn scope(&self, alias: Alias) -> Scope<'_, 'a> {
        Scope { relation: self.relation, alias, embeds: &self.embeds, path: &self.path }
    }
}

impl<'a> Link<'a> {
    /// Whether there is at most one row for each parent.
    pub(super) fn to_one(self) -> bool {
        match self {
            Self::ToOne(_) => true,
            Self::FromMany(key) => key.unique,
            Self::Through { .. } => false,
        }
    }

    pub(super) fn cardinality(self) -> &'static str {
        match self {
            Self::ToOne(key) | Self::FromMany(key) if key.unique => "one-to-one",
            Self::ToOne(_) => "many-to-one",
            Self::FromMany(_) => "one-to-many",
            Self::Through { .. } => "many-to-many",
        }
    }

    pub(super) fn target(self) -> &'a QualifiedName {
        match self {
            Self::ToOne(key) => &key.target,
            Self::FromMany(key) => &key.origin,
            Self::Through { far, .. } => &far.target,
        }
    }

    pub(super) fn describe(self) -> String {
        match self {
            Self::ToOne(key) => format!("{}({}) and {}({})", key.origin, key.columns.join(", "), key.target, key.target_columns.join(", ")),
            Self::FromMany(key) => format!("{}({}) and {}({})", key.target, key.target_columns.join(", "), key.origin, key.columns.join(", ")),
            Self::Through { near, far } => format!(
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
}

/// Whether a test asks if there are rows, not how they are.
pub(super) fn is_null_test(test: &Test) -> bool {
    test.operator == Operator::Is && matches!(test.value, Value::Truth(TruthValue::Null | TruthValue::NotNull))
}
