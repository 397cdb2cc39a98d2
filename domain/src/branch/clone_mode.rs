//! What kind of branch it is and what is copied into it.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What is copied into a branch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataCloneMode {
    /// Every object, no user rows.
    #[default]
    SchemaOnly,
    /// Rows too, except those that are withheld.
    FullClone,
    /// Every object and the seed files.
    SeedData,
}

impl DataCloneMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SchemaOnly, Self::FullClone, Self::SeedData];

    /// As requests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SchemaOnly => "schema_only",
            Self::FullClone => "full_clone",
            Self::SeedData => "seed_data",
        }
    }
}

/// A text that names no clone mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown data clone mode '{0}'; known are schema_only, full_clone, seed_data")]
pub struct UnknownCloneMode(pub String);

impl FromStr for DataCloneMode {
    type Err = UnknownCloneMode;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|mode| mode.name() == raw).ok_or_else(|| UnknownCloneMode(raw.to_owned()))
    }
}

impl fmt::Display for DataCloneMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How long a branch is meant to live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BranchType {
    /// The default branch, there from the first start.
    Main,
    /// Goes by itself.
    #[default]
    Preview,
    /// Stays until it is deleted.
    Persistent,
}

impl BranchType {
    /// As requests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Preview => "preview",
            Self::Persistent => "persistent",
        }
    }
}

/// A text that names no branch type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown branch type '{0}'; known are preview and persistent (main is there already)")]
pub struct UnknownBranchType(pub String);

impl FromStr for BranchType {
    type Err = UnknownBranchType;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        [Self::Main, Self::Preview, Self::Persistent].into_iter().find(|kind| kind.name() == raw).ok_or_else(|| UnknownBranchType(raw.to_owned()))
    }
}

impl fmt::Display for BranchType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
