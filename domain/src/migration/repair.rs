//! What a person may say of a row of the ledger, and the command that says it.

use super::file::MigrationVersion;
use crate::branch::Slug;
use std::{fmt, str::FromStr};

/// What a person says of a migration that a ledger has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairAction {
    /// The text that the file has now means the same as what was applied.
    Accept,
    /// The ledger forgets it: it is pending again, or gone.
    Forget,
    /// The statement that was interrupted did run to its end: the file goes on after it.
    Done,
    /// The statement that was interrupted did not run: the file goes on with it.
    NotDone,
    /// The file counts as applied, with what it did.
    Applied,
    /// The schema as it is now counts as what the files left, of which this one was applied last: what was changed beside them is no drift any more.
    AcceptDrift,
}

impl RepairAction {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Accept, Self::Forget, Self::Done, Self::NotDone, Self::Applied, Self::AcceptDrift];

    /// As requests and the command line write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Forget => "forget",
            Self::Done => "done",
            Self::NotDone => "not_done",
            Self::Applied => "applied",
            Self::AcceptDrift => "accept_drift",
        }
    }

    /// What is told of a schema that was changed beside the files, the last of which is this one, with the ways out.
    pub fn drift_told(last: MigrationVersion, branch: &Slug) -> String {
        format!(
            "the schema was changed beside the migrations (drift). Put that back before a migration runs over it; or, once the schema is what it should \
             be, accept it: {}",
            Self::AcceptDrift.command(last, branch)
        )
    }

    /// The command line that says it of a version on a branch, as it is typed.
    pub fn command(self, version: MigrationVersion, branch: &Slug) -> String {
        format!("fluxbase migrations repair {version} {self} --branch {branch}")
    }
}

impl fmt::Display for RepairAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no repair.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown repair '{0}': expected accept, forget, done, not_done, applied or accept_drift")]
pub struct UnknownRepair(pub String);

impl FromStr for RepairAction {
    type Err = UnknownRepair;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|action| action.name() == raw).ok_or_else(|| UnknownRepair(raw.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::RepairAction;
    use crate::migration::MigrationVersion;

    #[test]
    fn every_repair_is_read_as_it_is_written_and_named_where_none_is() {
        for action in RepairAction::ALL {
            assert_eq!(action.name().parse(), Ok(action));
            assert!("x".parse::<RepairAction>().unwrap_err().to_string().contains(action.name()));
        }
        let command = RepairAction::NotDone.command(MigrationVersion::new(7), &"pr-1".parse().unwrap());
        assert_eq!(command, "fluxbase migrations repair 7 not_done --branch pr-1");
    }
}
