//! One reading of one database's schema.

use super::{Facts, Fingerprint, ObjectMap};

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
