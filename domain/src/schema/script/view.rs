//! Views: replaced where their columns stay, with further ones behind; made again otherwise.

use super::fate::{Alteration, Fate};
use crate::schema::{ColumnFact, Object, SchemaSnapshot};

pub(super) fn change(target: &SchemaSnapshot, source: &SchemaSnapshot, old: &Object, new: &Object) -> Fate {
    let (before, after) = (target.columns(old), source.columns(new));
    let same = |(old, new): (&ColumnFact, &ColumnFact)| old.name == new.name && old.type_name == new.type_name;
    let fits = !before.is_empty() && after.len() >= before.len() && before.iter().zip(after).all(same);
    match new.definition.strip_prefix("CREATE VIEW ") {
        Some(rest) if fits => Alteration::at(vec![(format!("CREATE OR REPLACE VIEW {rest}"), Vec::new())]),
        _ => Fate::Rebuild,
    }
}
