//! The fingerprint of a schema.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Who read it, and behind a hyphen the SHA-256 of an object map's canonical form, in hexadecimal: `1.15-9f86d081..`. Schemas that were read alike are equal
/// where their fingerprints are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// A fingerprint from its text.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both were read alike. A server of another version, or another version of ours, may tell of an equal schema otherwise.
    pub fn is_comparable(&self, other: &Self) -> bool {
        reader(&self.0) == reader(&other.0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn reader(text: &str) -> Option<&str> {
    text.split_once('-').map(|(reader, _)| reader)
}
