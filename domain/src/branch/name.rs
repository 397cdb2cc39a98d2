//! What branches are called.

use crate::unseen::Unseen;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, str::FromStr};

/// A branch's name as its maker wrote it: 1 to 100 characters, none that nobody sees, with at least one letter or digit to make a slug of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);

/// Why a text is no branch name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBranchName {
    /// Nothing there.
    #[error("a branch name cannot be empty")]
    Empty,
    /// More than 100 characters.
    #[error("a branch name has at most {} characters", BranchName::MAX_LEN)]
    TooLong,
    /// A character that nobody sees.
    #[error("a branch name has characters that people see, and not {0}")]
    Unseen(Unseen),
    /// Nothing to make a slug of.
    #[error("a branch name needs a letter of a to z: its slug is made of a-z, 0-9 and '-' and starts with a letter")]
    NoLetter,
    /// `main`.
    #[error("'main' is the name of the main branch; choose another")]
    Reserved,
}

impl BranchName {
    /// Characters at most.
    pub const MAX_LEN: usize = 100;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the main branch, which nobody else may have.
    pub fn main() -> Self {
        Self(Slug::MAIN.to_owned())
    }

    /// The slug made from the name: lower case, runs of anything else become one `-`, what comes before the first letter goes, 40 characters at most.
    pub fn slug(&self) -> Slug {
        Slug::derive(&self.0).expect("a branch name has a letter")
    }
}

impl FromStr for BranchName {
    type Err = InvalidBranchName;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let name = raw.trim();
        if name.is_empty() {
            return Err(InvalidBranchName::Empty);
        }
        if name.chars().count() > Self::MAX_LEN {
            return Err(InvalidBranchName::TooLong);
        }
        if let Some(unseen) = Unseen::first_of(name) {
            return Err(InvalidBranchName::Unseen(unseen));
        }
        Self::kept(name)
    }
}

impl BranchName {
    /// A name as it is kept: an earlier version took characters that nobody sees.
    pub fn kept(name: &str) -> Result<Self, InvalidBranchName> {
        match Slug::derive(name) {
            None => Err(InvalidBranchName::NoLetter),
            Some(slug) if slug.is_main() => Err(InvalidBranchName::Reserved),
            Some(_) => Ok(Self(name.to_owned())),
        }
    }
}

impl TryFrom<String> for BranchName {
    type Error = InvalidBranchName;

    fn try_from(raw: String) -> Result<Self, Self::Error> {
        raw.parse()
    }
}

impl From<BranchName> for String {
    fn from(name: BranchName) -> Self {
        name.0
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Invariant: 1 to 40 of `a-z`, `0-9` and `-`; starts with a letter; no `-` at the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(Cow<'static, str>);

/// Why a text is no slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a branch slug: 1 to 40 of a-z, 0-9 and '-', starting with a letter, not ending with '-'")]
pub struct InvalidSlug;

impl Slug {
    /// Characters at most.
    pub const MAX_LEN: usize = 40;
    /// The slug of the default branch.
    pub const MAIN: &'static str = "main";

    /// The slug of the default branch.
    pub fn main() -> Self {
        // Most requests are about it: it costs no memory of its own.
        Self(Cow::Borrowed(Self::MAIN))
    }

    /// Whether it names the default branch.
    pub fn is_main(&self) -> bool {
        self.0 == Self::MAIN
    }

    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn derive(name: &str) -> Option<Self> {
        let mut slug = String::new();
        for c in name.chars().flat_map(char::to_lowercase) {
            let fits = c.is_ascii_lowercase() || (c.is_ascii_digit() && !slug.is_empty());
            if fits {
                slug.push(c);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
            if slug.len() == Self::MAX_LEN {
                break;
            }
        }
        let slug = slug.trim_end_matches('-');
        (!slug.is_empty()).then(|| Self(slug.to_owned().into()))
    }
}

impl FromStr for Slug {
    type Err = InvalidSlug;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let allowed = raw.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let starts = raw.bytes().next().is_some_and(|c| c.is_ascii_lowercase());
        if !allowed || !starts || raw.len() > Self::MAX_LEN || raw.ends_with('-') {
            return Err(InvalidSlug);
        }
        Ok(Self(raw.to_owned().into()))
    }
}

impl TryFrom<String> for Slug {
    type Error = InvalidSlug;

    fn try_from(raw: String) -> Result<Self, Self::Error> {
        raw.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0.into_owned()
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{BranchName, InvalidBranchName, Slug};
    use proptest::prelude::*;

    #[test]
    fn a_name_becomes_a_slug() {
        for (name, slug) in [
            ("feature/a b", "feature-a-b"),
            ("PR-12", "pr-12"),
            ("42 is it", "is-it"),
            ("Größe", "gr-e"),
            ("a--b__c", "a-b-c"),
            ("x".repeat(60).as_str(), "x".repeat(40).as_str()),
        ] {
            assert_eq!(name.parse::<BranchName>().unwrap().slug().as_str(), slug);
        }
    }

    #[test]
    fn each_broken_rule_is_named() {
        assert_eq!(" ".parse::<BranchName>(), Err(InvalidBranchName::Empty));
        assert_eq!("123".parse::<BranchName>(), Err(InvalidBranchName::NoLetter));
        assert_eq!("Main".parse::<BranchName>(), Err(InvalidBranchName::Reserved));
        for (raw, point) in [("a\u{7}b", "U+0007"), ("pay\u{202e}lor", "U+202E"), ("pr\u{200b}-1", "U+200B"), ("\u{feff}pr-1", "U+FEFF")] {
            let refused = raw.parse::<BranchName>().unwrap_err();
            assert!(refused.to_string().contains(point), "{refused}");
            assert!(BranchName::kept(raw).is_ok(), "what is there already can be read");
        }
        assert_eq!("a".repeat(101).parse::<BranchName>(), Err(InvalidBranchName::TooLong));
    }

    proptest! {
        #[test]
        fn whatever_is_a_name_has_a_slug_that_parses(raw in ".{0,120}") {
            if let Ok(name) = raw.parse::<BranchName>() {
                let slug = name.slug();
                prop_assert_eq!(slug.as_str().parse::<Slug>().unwrap(), slug.clone());
            }
        }
    }
}
