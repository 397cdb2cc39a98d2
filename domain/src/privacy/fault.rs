//! Why a copy with personal data in it is not begun.

use super::{ColumnName, InvalidTag, Mask, Remark};
use std::fmt;

/// Why a copy is not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MaskingRefused {
    /// Rules that cannot be kept, all of them.
    Faults(Vec<MaskFault>),
    /// Columns that look personal and that nobody has said anything of.
    Unclassified(Vec<Suspect>),
}

impl MaskingRefused {
    /// The same where there is another fault, which is told first.
    #[must_use]
    pub fn beside(self, other: MaskFault) -> Self {
        let faults = match self {
            Self::Faults(faults) => faults,
            Self::Unclassified(_) => Vec::new(),
        };
        Self::Faults([vec![other], faults].concat())
    }

    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Faults(_) => "masking_refused",
            Self::Unclassified(_) => "unclassified_columns",
        }
    }
}

/// A column that looks personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The column.
    pub column: ColumnName,
    /// What it is that looks so.
    pub reason: String,
}

/// A rule that cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaskFault {
    /// It protects nothing.
    #[error("a rule names {0}, and no table that is copied has that column: correct it in branching.masking, or take it out")]
    NoSuchColumn(ColumnName),
    /// The comment cannot be read.
    #[error("the comment on {column}: {source}")]
    Comment {
        /// The column.
        column: ColumnName,
        /// What is wrong.
        source: InvalidTag,
    },
    /// They protect nothing, though they look as if they did.
    #[error(
        "masks stand on columns of tables only, and these comments are on something else: {}. Write it on those columns (comment on column \
         schema.table.column is '@pii email'), or exclude a table's rows by branching.excluded_table_data; then take it out here",
        said(.0)
    )]
    Misplaced(Vec<Remark>),
    /// Equal values would not stay equal.
    #[error("{} belong together by foreign keys and must have one mask: set the same for each, or leave it to the others to follow", listed(.0))]
    Unlike(Vec<(ColumnName, Mask)>),
    /// Rows would belong to other partitions.
    #[error("{column} as {mask}: rows are sent to partitions by it, so it cannot be changed; exclude the table's rows, or keep the column")]
    PartitionKey {
        /// The column.
        column: ColumnName,
        /// Its mask.
        mask: Mask,
    },
    /// NULL in a column that takes none.
    #[error("{0} as null: the column takes no NULL; choose another mask, such as redact")]
    NotNull(ColumnName),
    /// No such value of the type.
    #[error("{column} as {mask}: there is no such value of type {declared}; {fitting}", fitting = fitting(.declared))]
    DoesNotFit {
        /// The column.
        column: ColumnName,
        /// Its mask.
        mask: Mask,
        /// Its type.
        declared: String,
    },
    /// The values would have to be cut until unlike ones are alike.
    #[error("{column} as {mask}: {room} characters are too few for values that stay unlike; choose a shorter mask, such as hash or redact")]
    TooShort {
        /// The column.
        column: ColumnName,
        /// Its mask.
        mask: Mask,
        /// How many characters there are.
        room: u32,
    },
    /// Unlike values would become alike where that is forbidden.
    #[error("{column} as {mask}: {key} needs unlike values to stay unlike; choose email, phone, hash, uuid, or number where the type allows")]
    LossyOnKey {
        /// The column.
        column: ColumnName,
        /// Its mask.
        mask: Mask,
        /// The key.
        key: String,
    },
    /// Equal values would become unlike.
    #[error("{column} as {mask}: its collation takes unlike texts for equal, which foreign key {key} relies on and no mask keeps")]
    LooseKey {
        /// The column.
        column: ColumnName,
        /// Its mask.
        mask: Mask,
        /// The foreign key.
        key: String,
    },
    /// Masked numbers would be in the way of those to come.
    #[error("{0} as number: its values come from a sequence, which would run into the masked ones; such numbers say nothing of a person: keep it")]
    Numbered(ColumnName),
    /// One mask cannot say the same in both.
    #[error("{column} as {mask}: foreign keys tie it to a column of another type ({other}), and the masked values would not be equal")]
    UnlikeTypes {
        /// The column.
        column: ColumnName,
        /// Its mask.
        mask: Mask,
        /// The other column.
        other: ColumnName,
    },
    /// It would be computed anew from raw values.
    #[error("{column} as {mask}: it is computed from {from}, of which none is masked: mask those, and it follows")]
    Computed {
        /// The column.
        column: ColumnName,
        /// Its mask.
        mask: Mask,
        /// What it is computed from.
        from: String,
    },
}

fn listed(columns: &[(ColumnName, Mask)]) -> String {
    columns.iter().map(|(column, mask)| format!("{column} as {mask}")).collect::<Vec<_>>().join(" and ")
}

fn said(remarks: &[Remark]) -> String {
    remarks.iter().map(|remark| format!("{} ('{}')", remark.object, remark.tag)).collect::<Vec<_>>().join(", ")
}

fn fitting(declared: &str) -> &'static str {
    if declared.ends_with("[]") { "redact (an empty array) or null would do" } else { "redact or null would do, where the column takes it" }
}

impl fmt::Display for MaskingRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faults(faults) => {
                let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
                write!(f, "personal data could not be masked as asked: {}", faults.join("; "))
            }
            Self::Unclassified(suspects) => {
                let listed: Vec<_> = suspects.iter().map(|suspect| format!("{} ({})", suspect.column, suspect.reason)).collect();
                let first = suspects.first().map(|suspect| suspect.column.to_string()).unwrap_or_default();
                write!(
                    f,
                    "rules for personal data are in use, and nobody has classified these columns, which look personal: {}. For each: add a rule to \
                     branching.masking ({{column: {first}, as: redact}}), or comment on it ('@pii redact', or '@pii keep' where it is not personal), or list \
                     it in branching.classified, or exclude its table's rows by branching.excluded_table_data",
                    listed.join(", ")
                )
            }
        }
    }
}
