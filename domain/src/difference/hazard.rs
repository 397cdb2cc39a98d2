//! Hazards in words.

use crate::schema::Hazard;

impl Hazard {
    /// As clients know it: `data_loss`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DataLoss => "data_loss",
            Self::TableRewrite => "table_rewrite",
            Self::ExclusiveLock => "exclusive_lock",
            Self::LongScan => "long_scan",
            Self::NotInTransaction => "not_in_transaction",
            Self::MayFail => "may_fail",
        }
    }

    /// What it means, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::DataLoss => "rows, values or a sequence's position are gone afterwards",
            Self::TableRewrite => "every row is written anew",
            Self::ExclusiveLock => "readers or writers wait while it runs",
            Self::LongScan => "every row is read",
            Self::NotInTransaction => "it cannot be taken back with the others",
            Self::MayFail => "rows that are there may stand against it",
        }
    }
}

/// Their names in one line.
pub(super) fn names(hazards: &[Hazard]) -> String {
    hazards.iter().map(|hazard| hazard.name()).collect::<Vec<_>>().join(", ")
}
