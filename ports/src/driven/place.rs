//! A database that is read or worked on, whoever it belongs to.

use domain::branch::DatabaseName;

/// A database that serves a branch, or is a copy of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DatabasePlace {
    /// Its name.
    pub database: DatabaseName,
    /// Whether it is main's: then another login reads and works there, since main's objects are not `fluxbase_branch_owner`'s, and the control plane's
    /// schemas are no part of what is looked at.
    pub is_main: bool,
}
