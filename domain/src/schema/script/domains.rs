//! What domains stand for.

use crate::schema::{
    Kind, SchemaSnapshot,
    sql::{DomainText, find_words},
};
use std::collections::BTreeMap;

/// The type beneath each domain, by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Domains(BTreeMap<String, String>);

impl Domains {
    pub(super) fn of(snapshot: &SchemaSnapshot) -> Self {
        let domains = snapshot.map.objects().iter().filter(|object| object.identity.kind == Kind::Domain);
        let base = |domain: DomainText| {
            let end = find_words(&domain.base, "COLLATE").unwrap_or(domain.base.len());
            (domain.name, domain.base[..end].trim().to_owned())
        };
        Self(domains.filter_map(|object| DomainText::read(&object.definition)).map(base).collect())
    }

    /// The type that values are kept by: of a domain over a domain, the last.
    pub(super) fn base(&self, type_name: &str) -> String {
        let mut name = type_name;
        while let Some(base) = self.0.get(name) {
            name = base;
        }
        name.to_owned()
    }
}
