//! Generations: the databases that hold a branch's data.

use super::Slug;
use serde::{Deserialize, Serialize};
use std::{fmt, num::NonZeroU32};

/// Which database of a branch serves it. Counts from 1 and never repeats for a slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(NonZeroU32);

impl Generation {
    /// The first one.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// A generation by its number; `None` for zero.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a database, at most 63 bytes so that PostgreSQL never cuts it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DatabaseName(String);

impl DatabaseName {
    /// Bytes of an identifier at most (`NAMEDATALEN` - 1).
    pub const MAX_LEN: usize = 63;
    /// Bytes of a prefix at most: a slug, `_g` and a generation of up to five digits must fit behind it.
    pub const MAX_PREFIX_LEN: usize = Self::MAX_LEN - Slug::MAX_LEN - 2 - 5;

    /// The database of a branch's generation: `<prefix><slug>_g<n>`.
    pub fn of_generation(prefix: &str, slug: &Slug, generation: Generation) -> Self {
        Self(format!("{prefix}{slug}_g{generation}"))
    }

    /// An existing database, by its name.
    pub fn existing(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{DatabaseName, Generation};

    #[test]
    fn the_longest_name_still_fits() {
        let slug = "s".repeat(40).parse().unwrap();
        let name = DatabaseName::of_generation(&"p".repeat(DatabaseName::MAX_PREFIX_LEN), &slug, Generation::new(99_999).unwrap());
        assert_eq!(name.as_str().len(), DatabaseName::MAX_LEN);
        assert!("fluxbase_branch_".len() <= DatabaseName::MAX_PREFIX_LEN);
    }
}
