//! What stands in the way of migrating, and the way out of each.

use super::{file::MigrationVersion, repair::RepairAction, way_back::WayBack};
use crate::branch::Slug;

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An applied file has another text now.
    ChecksumChanged {
        /// The version.
        version: MigrationVersion,
        /// The file.
        name: String,
    },
    /// An applied file is gone.
    FileMissing {
        /// The version.
        version: MigrationVersion,
        /// The file, as the ledger has it.
        name: String,
    },
    /// A file without a transaction that was begun, and never ended, is gone.
    BegunMissing {
        /// The version.
        version: MigrationVersion,
        /// The file, as the ledger has it.
        name: String,
        /// How many of its statements have ended.
        done: u32,
        /// How many it had.
        statements: u32,
    },
    /// A file that comes before what is applied.
    OutOfOrder {
        /// The version.
        version: MigrationVersion,
        /// The file.
        name: String,
        /// The last applied file.
        after: String,
    },
    /// A file that would take back what it does.
    TakesItselfBack {
        /// The version.
        version: MigrationVersion,
        /// The file.
        name: String,
        /// Where.
        back: WayBack,
    },
}

impl Refusal {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ChecksumChanged { .. } => "migration_changed",
            Self::FileMissing { .. } | Self::BegunMissing { .. } => "migration_missing",
            Self::OutOfOrder { .. } => "migration_out_of_order",
            Self::TakesItselfBack { .. } => "migrations_invalid",
        }
    }

    /// The version.
    pub fn version(&self) -> MigrationVersion {
        match self {
            Self::ChecksumChanged { version, .. }
            | Self::FileMissing { version, .. }
            | Self::BegunMissing { version, .. }
            | Self::OutOfOrder { version, .. }
            | Self::TakesItselfBack { version, .. } => *version,
        }
    }

    /// What stands in the way of migrating this branch, and the way out, with the command to type.
    pub fn told(&self, branch: &Slug) -> String {
        match self {
            Self::ChecksumChanged { version, name } => format!(
                "'{name}' was changed after it was applied. Put it back as it was and write the change into a new file; or, if both mean the same, accept \
                 the new text: {}",
                RepairAction::Accept.command(*version, branch)
            ),
            Self::FileMissing { version, name } => format!(
                "'{name}' was applied here and is not among the files: bring it back; or, if it is not coming back, let the ledger forget it: {}",
                RepairAction::Forget.command(*version, branch)
            ),
            Self::BegunMissing { version, name, done, statements } => format!(
                "'{name}' was begun here, stopped after {done} of its {statements} statements, and is not among the files: bring it back, so that it can \
                 go on; or, once you have seen to what it did, let the ledger forget it: {}",
                RepairAction::Forget.command(*version, branch)
            ),
            Self::OutOfOrder { name, after, .. } => format!(
                "'{name}' comes before '{after}', which is already applied: give it a later version; or apply it all the same (allow_out_of_order): \
                 fluxbase migrations up --allow-out-of-order --branch {branch}"
            ),
            Self::TakesItselfBack { name, back: WayBack { line, mark }, .. } => format!(
                "'{name}' takes back what it does: from line {line} on ('{mark}') it has the way back, and here every statement of a file runs. Keep the \
                 way there and delete what stands under that line: migrations go forward only, and a branch is reset or undone instead"
            ),
        }
    }
}
