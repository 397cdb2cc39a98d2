//! One reading of one database's schema.

use super::{ColumnFact, Facts, Fingerprint, Object, ObjectMap};

/// A schema as one snapshot of a database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaSnapshot {
    /// What is compared.
    pub map: ObjectMap,
    /// What the script's writer needs beside it.
    pub facts: Facts,
    /// The map's fingerprint.
    pub fingerprint: Fingerprint,
}

impl SchemaSnapshot {
    /// What the catalogue tells of an object's columns.
    pub(super) fn columns(&self, object: &Object) -> &[ColumnFact] {
        object.address.and_then(|address| self.facts.columns.get(&address.object)).map_or(&[], Vec::as_slice)
    }

    /// What it tells of a composite type's attributes, which it keeps beside the type.
    pub(super) fn attributes(&self, of: &Object) -> &[ColumnFact] {
        let mut rows = self.facts.aliases.iter().filter(|alias| Some(alias.bearer) == of.address && alias.row.class != alias.bearer.class);
        rows.find_map(|alias| self.facts.columns.get(&alias.row.object)).map_or(&[], Vec::as_slice)
    }
}
