//! Who may do what on a branch, beside its creator and administrators.

use super::Branch;
use crate::{Principal, user::UserId};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use time::OffsetDateTime;

/// How far somebody may go on a branch. Each level holds those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessLevel {
    /// See it, compare it, read its data under row level security.
    Read,
    /// Change its data, migrate it, connect to it.
    Write,
    /// Reset it, delete it, grant access to it.
    Admin,
}

impl AccessLevel {
    /// Every level, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// As requests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for AccessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown access level '{0}'; known are read, write, admin")]
pub struct UnknownAccessLevel(pub String);

impl FromStr for AccessLevel {
    type Err = UnknownAccessLevel;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|level| level.name() == raw).ok_or_else(|| UnknownAccessLevel(raw.to_owned()))
    }
}

/// Access that was granted to a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// To whom.
    pub user_id: UserId,
    /// How far.
    pub level: AccessLevel,
    /// By whom, as the activity log writes actors.
    pub granted_by: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub granted_at: OffsetDateTime,
}

impl Branch {
    /// How far the principal may go on the branch; `None` is not at all. Scopes and a key's restrictions are another matter.
    ///
    /// `main` is everybody's to read and write: row level security guards its data. Administering it takes an administrator.
    pub fn access_of(&self, principal: &Principal) -> Option<AccessLevel> {
        if principal.administers_branches() || (self.created_by.is_some() && self.created_by == principal.user_id) {
            return Some(AccessLevel::Admin);
        }
        if self.is_main() {
            return Some(AccessLevel::Write);
        }
        let user = principal.user_id?;
        self.grants.iter().find(|grant| grant.user_id == user).map(|grant| grant.level)
    }

    /// Whether the principal may go as far as this level.
    pub fn allows(&self, principal: &Principal, level: AccessLevel) -> bool {
        self.access_of(principal).is_some_and(|allowed| allowed >= level)
    }
}
