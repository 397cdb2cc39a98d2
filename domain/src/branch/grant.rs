//! Who may do what on a branch, beside its creator and administrators.

use super::Branch;
use crate::{Access, Denied, Principal, user::UserId};
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

    /// How far the principal must be allowed to go for what is done as the owner of the branch's objects, past row level security: migrating it, connecting
    /// to it, copying all its rows. Main, which is everybody's to write, takes an administrator.
    pub fn owner_level(&self) -> AccessLevel {
        if self.is_main() { AccessLevel::Admin } else { AccessLevel::Write }
    }

    /// Refuses a principal that may not go as far as this level.
    pub fn check_access(&self, principal: &Principal, needed: AccessLevel) -> Result<(), Denied> {
        match self.access_of(principal) {
            Some(level) if level >= needed => Ok(()),
            Some(level) => Err(Denied::BranchLevel { branch: self.slug.to_string(), needed, level }),
            None => Err(Denied::Branch { branch: self.slug.to_string() }),
        }
    }

    /// Refuses a principal that may not read, or write, the branch's rows: row level security holds for those that it may.
    ///
    /// A key that is pinned to the branch reaches it as its user does, no further. One of no user can be granted nothing: the pin is its grant, which
    /// [`Self::pinning_level`] sees to.
    pub fn check_rows(&self, principal: &Principal, access: Access) -> Result<(), Denied> {
        if principal.user_id.is_none() && principal.restrictions.branch.as_ref() == Some(&self.slug) {
            return Ok(());
        }
        let needed = match access {
            Access::Read => AccessLevel::Read,
            Access::Write => AccessLevel::Write,
        };
        self.check_access(principal, needed)
    }

    /// How far the principal must be allowed to go that pins a key to the branch, of somebody or of nobody. A key of nobody lets in whoever has it, and so takes
    /// what sharing takes; where everybody is let in anyway, it shares nothing.
    pub fn pinning_level(&self, of: Option<UserId>) -> AccessLevel {
        if of.is_none() && !self.is_main() { AccessLevel::Admin } else { AccessLevel::Read }
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessLevel, Grant};
    use crate::{
        Access, Principal, Scope, UserId,
        access::{Restrictions, Scopes},
        branch::{Branch, BranchId, BranchRequest, BranchType, DataCloneMode, Generation},
        operation::OperationId,
    };
    use time::OffsetDateTime;
    use uuid::Uuid;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn user(number: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(number))
    }

    /// User 1 made it; user 2 may read it, user 3 write it.
    fn shared() -> Branch {
        let id = Uuid::nil();
        let request = BranchRequest {
            id: BranchId::from_uuid(id),
            name: "x".parse().unwrap(),
            parent_id: BranchId::from_uuid(id),
            branch_type: BranchType::Preview,
            clone_mode: DataCloneMode::SchemaOnly,
            created_by: Some(user(1)),
            expires_in: None,
            pull_request: None,
        };
        let made = Branch::request(request, "x".parse().unwrap(), Generation::FIRST, OperationId::from_uuid(id), NOW);
        let grant = |number, level| Grant { user_id: user(number), level, granted_by: "fluxbase".to_owned(), granted_at: NOW };
        Branch { grants: vec![grant(2, AccessLevel::Read), grant(3, AccessLevel::Write)], ..made }
    }

    fn principal(user_id: Option<UserId>, scope: Scope) -> Principal {
        Principal { user_id, scopes: Scopes::NONE.with(scope), ..Principal::internal() }
    }

    #[test]
    fn creators_and_administrators_go_all_the_way_and_others_as_far_as_they_were_let() {
        let level = |number: u128| shared().access_of(&principal(Some(user(number)), Scope::WriteBranches));
        assert_eq!([1, 2, 3, 4].map(level), [Some(AccessLevel::Admin), Some(AccessLevel::Read), Some(AccessLevel::Write), None]);
        assert_eq!(shared().access_of(&principal(None, Scope::AdminBranches)), Some(AccessLevel::Admin));
        assert_eq!(shared().access_of(&principal(None, Scope::WriteBranches)), None, "a key of nobody made no branch of nobody");
        let nobodys = Branch { created_by: None, ..shared() };
        assert_eq!(nobodys.access_of(&principal(None, Scope::WriteBranches)), None);
    }

    #[test]
    fn main_is_everybodys_to_write_and_administrators_to_own() {
        let main = Branch { branch_type: BranchType::Main, ..shared() };
        let stranger = principal(Some(user(4)), Scope::WriteBranches);
        assert!(main.check_access(&stranger, AccessLevel::Write).is_ok());
        let refused = main.check_access(&stranger, main.owner_level()).unwrap_err();
        assert_eq!(refused.code(), "branch_access_denied");
        assert!(refused.to_string().contains("admin"), "{refused}");
        assert!(main.check_access(&principal(None, Scope::AdminBranches), main.owner_level()).is_ok());
        assert!(shared().check_access(&principal(Some(user(3)), Scope::WriteBranches), shared().owner_level()).is_ok());
    }

    #[test]
    fn a_pinned_key_goes_as_far_as_its_user_and_one_of_nobody_as_far_as_its_scopes() {
        let pinned = |user_id, slug: &str| {
            let restrictions = Restrictions { branch: Some(slug.parse().unwrap()), ..Restrictions::default() };
            Principal { restrictions, ..principal(user_id, Scope::WriteTables) }
        };
        let may = |principal: &Principal| [Access::Read, Access::Write].map(|access| shared().check_rows(principal, access).is_ok());
        for (number, expected) in [(1, [true, true]), (2, [true, false]), (3, [true, true]), (4, [false, false])] {
            assert_eq!(may(&pinned(Some(user(number)), "x")), expected, "user {number}");
        }
        assert_eq!(may(&pinned(None, "x")), [true, true]);
        assert_eq!(may(&pinned(None, "y")), [false, false]);
        assert_eq!(may(&principal(None, Scope::WriteTables)), [false, false]);
        let main = Branch { branch_type: BranchType::Main, ..shared() };
        assert_eq!([shared().pinning_level(None), shared().pinning_level(Some(user(4)))], [AccessLevel::Admin, AccessLevel::Read]);
        assert_eq!(main.pinning_level(None), AccessLevel::Read);
    }
}
