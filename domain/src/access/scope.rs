//! Scopes: what a credential may be used for.

use std::{fmt, str::FromStr};

/// A permission on a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Read rows and table definitions.
    ReadTables,
    /// Insert, update and delete rows.
    WriteTables,
    /// Call edge functions. Reserved: nothing asks for it yet.
    ExecuteFunctions,
    /// Call procedures. Reserved: nothing asks for it yet.
    ExecuteRpc,
    /// Similarity search. Reserved: nothing asks for it yet.
    ReadVectors,
    /// Download files. Reserved: nothing asks for it yet.
    ReadStorage,
    /// Upload files. Reserved: nothing asks for it yet.
    WriteStorage,
    /// Submit background jobs. Reserved: nothing asks for it yet.
    ExecuteJobs,
    /// See branches.
    ReadBranches,
    /// Make branches and work on one's own.
    WriteBranches,
    /// Work on everybody's branches.
    AdminBranches,
    /// Make and revoke keys, make and list users, read the audit trail.
    AdminKeys,
    /// Change the schema, run migrations. Reserved: nothing asks for it yet.
    AdminSchema,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 13] = [
        Self::ReadTables,
        Self::WriteTables,
        Self::ExecuteFunctions,
        Self::ExecuteRpc,
        Self::ReadVectors,
        Self::ReadStorage,
        Self::WriteStorage,
        Self::ExecuteJobs,
        Self::ReadBranches,
        Self::WriteBranches,
        Self::AdminBranches,
        Self::AdminKeys,
        Self::AdminSchema,
    ];

    /// As written in keys, tokens and requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadTables => "read:tables",
            Self::WriteTables => "write:tables",
            Self::ExecuteFunctions => "execute:functions",
            Self::ExecuteRpc => "execute:rpc",
            Self::ReadVectors => "read:vectors",
            Self::ReadStorage => "read:storage",
            Self::WriteStorage => "write:storage",
            Self::ExecuteJobs => "execute:jobs",
            Self::ReadBranches => "read:branches",
            Self::WriteBranches => "write:branches",
            Self::AdminBranches => "admin:branches",
            Self::AdminKeys => "admin:keys",
            Self::AdminSchema => "admin:schema",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown scope '{0}'; known are read:tables, write:tables, execute:functions, execute:rpc, read:vectors, read:storage, write:storage, execute:jobs, read:branches, write:branches, admin:branches, admin:keys, admin:schema, and * for service keys"
)]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.name() == raw).ok_or_else(|| UnknownScope(raw.to_owned()))
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u16);

impl Scopes {
    /// No scope.
    pub const NONE: Self = Self(0);
    /// Every scope: what `*` means on a service key.
    pub const ALL: Self = Self((1 << Scope::ALL.len()) - 1);

    /// Whether the set has the scope.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether the set has every scope of the other one.
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set with one more scope.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope.bit())
    }

    /// The scopes that both sets have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes, in declaration order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }

    /// The names, `*` for the full set.
    pub fn names(self) -> Vec<&'static str> {
        if self == Self::ALL { vec!["*"] } else { self.iter().map(Scope::name).collect() }
    }

    /// Parses names; `*` stands for every scope.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownScope> {
        names.into_iter().try_fold(Self::NONE, |set, name| if name == "*" { Ok(Self::ALL) } else { Ok(set.with(name.parse()?)) })
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::{Scope, Scopes};

    #[test]
    fn every_scope_is_read_back_from_its_name() {
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse(), Ok(scope));
            assert!(Scopes::ALL.contains(scope));
        }
    }

    #[test]
    fn a_set_knows_only_what_was_put_in() {
        let set = Scopes::parse(["read:tables", "execute:rpc"]).unwrap();
        assert_eq!(set.names(), ["read:tables", "execute:rpc"]);
        assert!(!set.contains(Scope::WriteTables));
        assert!(Scopes::ALL.covers(set) && !set.covers(Scopes::ALL));
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
        let error = Scopes::parse(["read:everything"]).unwrap_err().to_string();
        assert!(error.contains("read:everything") && error.contains("write:tables"), "{error}");
    }
}
