//! What stands in the way of migrating, and the way out of each.

use super::file::MigrationVersion;
use crate::failure::Fault;

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An applied file has another text now.
    #[error(
        "'{name}' was changed after it was applied. Put it back as it was and write the change into a new file; or, if both mean the same, accept the new \
         text (repair {version} accept)"
    )]
    ChecksumChanged {
        /// The version.
        version: MigrationVersion,
        /// The file.
        name: String,
    },
    /// An applied file is gone.
    #[error(
        "'{name}' was applied here and is not among the files: bring it back; or, if it is not coming back, let the ledger forget it (repair {version} \
         forget)"
    )]
    FileMissing {
        /// The version.
        version: MigrationVersion,
        /// The file, as the ledger has it.
        name: String,
    },
    /// A file that comes before what is applied.
    #[error("'{name}' comes before '{after}', which is already applied: give it a later version, or allow it (allow_out_of_order)")]
    OutOfOrder {
        /// The version.
        version: MigrationVersion,
        /// The file.
        name: String,
        /// The last applied file.
        after: String,
    },
}

impl Refusal {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ChecksumChanged { .. } => "migration_changed",
            Self::FileMissing { .. } => "migration_missing",
            Self::OutOfOrder { .. } => "migration_out_of_order",
        }
    }

    /// The version.
    pub fn version(&self) -> MigrationVersion {
        match self {
            Self::ChecksumChanged { version, .. } | Self::FileMissing { version, .. } | Self::OutOfOrder { version, .. } => *version,
        }
    }

    /// As a fault of the request: `/migrations/<version>`.
    pub fn fault(&self) -> Fault {
        Fault::new(format!("/migrations/{}", self.version()), self.to_string())
    }
}
