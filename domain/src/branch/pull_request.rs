//! The pull request that a branch belongs to.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// `owner/name`, as GitHub spells repositories.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryName(String);

/// Why a text names no repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no repository; expected owner/name, of letters, digits, '-', '_' and '.'")]
pub struct InvalidRepository(pub String);

impl RepositoryName {
    /// As GitHub spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryName {
    type Err = InvalidRepository;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let fits = |part: &str, max: usize| {
            (1..=max).contains(&part.len())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
                && part != "."
                && part != ".."
        };
        match raw.split_once('/') {
            Some((owner, name)) if fits(owner, 39) && fits(name, 100) => Ok(Self(raw.to_owned())),
            _ => Err(InvalidRepository(raw.to_owned())),
        }
    }
}

impl TryFrom<String> for RepositoryName {
    type Error = InvalidRepository;

    fn try_from(raw: String) -> Result<Self, Self::Error> {
        raw.parse()
    }
}

impl From<RepositoryName> for String {
    fn from(name: RepositoryName) -> Self {
        name.0
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A pull request of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PullRequest {
    /// The repository it was opened in; `None` where only its number is known.
    pub repository: Option<RepositoryName>,
    /// Its number.
    pub number: u32,
}

#[cfg(test)]
mod tests {
    use super::RepositoryName;

    #[test]
    fn a_repository_is_an_owner_and_a_name() {
        assert!("octo-org/hello.world".parse::<RepositoryName>().is_ok());
        for raw in ["", "hello", "a/b/c", "/b", "a/", "a/..", "a b/c"] {
            assert!(raw.parse::<RepositoryName>().is_err(), "{raw}");
        }
    }
}
