//! Masking: the expressions that stand in the place of personal values while a table is copied.

use domain::table::QualifiedName;
use std::collections::BTreeMap;

/// What is selected instead of masked columns. Every value in it goes over the wire as it is read: raw ones never reach a branch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Masks(BTreeMap<QualifiedName, BTreeMap<String, String>>);

impl Masks {
    /// By column, where a table has any.
    pub(crate) fn of(&self, table: &QualifiedName) -> Option<&BTreeMap<String, String>> {
        self.0.get(table)
    }
}
