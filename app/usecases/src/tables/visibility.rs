//! What of a catalogue a caller is shown.

use domain::{Principal, catalogue::Relation, table::QualifiedName};

/// Whether the caller may use the relation at all: its role has some right on it, and its key, where it has a list of tables, has it and all it reads.
pub(super) fn visible(principal: &Principal, relation: &Relation) -> bool {
    let listed = |name: &QualifiedName| principal.restrictions.tables.as_ref().is_none_or(|tables| tables.contains(name));
    relation.visible_to.contains(&principal.role) && listed(&relation.name) && relation.reads.iter().all(listed)
}
