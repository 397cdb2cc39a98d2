//! Types that step aside for their successors while columns still have them.

use super::{names::taken_names, plan::Plan};
use crate::schema::{
    Object,
    sql::{DomainText, TypeText, bare, ident, split},
};

/// How much of a type's name goes into the one that it has meanwhile: no name is longer than 63 bytes.
const STEM: usize = 40;

/// Of what can step aside: whether it is a type or a domain, its name as it is written, that of its schema and its own.
fn movable(object: &Object) -> Option<(&'static str, String, String, String)> {
    let (word, name) = match TypeText::read(&object.definition) {
        Some(TypeText::Enum { name, .. } | TypeText::Composite { name, .. }) => ("TYPE", name),
        // A multirange type would keep its name.
        Some(TypeText::Range | TypeText::Base) => return None,
        None => ("DOMAIN", DomainText::read(&object.definition)?.name),
    };
    let [schema, own] = split(&name, '.')[..] else { return None };
    let (schema, own) = (schema.to_owned(), bare(own));
    Some((word, name, schema, own))
}

fn stem(own: &str) -> &str {
    &own[..own.floor_char_boundary(STEM)]
}

/// Whether a type can take another name until no column has it any more.
pub(super) fn can_step_aside(object: &Object) -> bool {
    movable(object).is_some()
}

impl Plan<'_> {
    /// How a type of the target steps aside: the statement, and what it is then called. `None` for what cannot.
    pub(super) fn step_aside(&self, place: usize) -> Option<(String, String)> {
        let object = &self.target.map.objects()[place];
        let (word, name, schema, own) = movable(object)?;
        let aside = ident(&self.free_name(place, object.identity.schema.as_ref(), stem(&own)));
        Some((format!("ALTER {word} {name} RENAME TO {aside}"), format!("{word} {schema}.{aside}")))
    }

    /// A name that nobody has, and no other that steps aside takes.
    fn free_name(&self, place: usize, schema: Option<&String>, stem: &str) -> String {
        let objects = || self.target.map.objects().iter().chain(self.source.map.objects());
        let is_taken = |name: &str| objects().flat_map(taken_names).any(|(_, of, own)| of.as_ref() == schema && own == name);
        let others = self.aside.iter().filter(|other| **other != place).filter_map(|other| movable(&self.target.map.objects()[*other]));
        let is_alone = others.into_iter().all(|(_, _, _, own)| self::stem(&own) != stem);
        let mut name = format!("{stem}__replaced{}", if is_alone { String::new() } else { format!("_{place}") });
        while is_taken(&name) {
            name.push('_');
        }
        name
    }
}

/// What a domain that has stepped aside, under the name that it then has, lets go of for what is dropped meanwhile.
pub(super) fn let_go(object: &Object, aside: &str) -> Vec<String> {
    let Some(domain) = DomainText::read(&object.definition) else { return Vec::new() };
    let default = domain.default.iter().map(|_| format!("ALTER {aside} DROP DEFAULT"));
    default.chain(domain.constraints.iter().map(|(name, _)| format!("ALTER {aside} DROP CONSTRAINT {name}"))).collect()
}
