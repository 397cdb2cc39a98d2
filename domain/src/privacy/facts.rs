//! What has to be known of a database before its values are masked.

use crate::table::QualifiedName;
use serde::Deserialize;

/// What a column's values are made of, whatever domains they are wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `text`, `varchar`.
    Text,
    /// `char(n)`.
    PaddedText,
    /// The extension's type in which case does not count.
    CaselessText,
    /// `uuid`.
    Uuid,
    /// `int2`.
    Small,
    /// `int4`.
    Integer,
    /// `int8`.
    Big,
    /// `numeric`.
    Decimal,
    /// `float4`.
    Real,
    /// `float8`.
    Double,
    /// `bool`.
    Boolean,
    /// `date`.
    Date,
    /// `timestamp`.
    Timestamp,
    /// `timestamptz`.
    TimestampTz,
    /// `time`, `timetz`.
    Time,
    /// `interval`.
    Interval,
    /// `json`, `jsonb`.
    Json,
    /// `bytea`.
    Bytes,
    /// `inet`.
    Inet,
    /// `macaddr`, `macaddr8`.
    Mac,
    /// An array.
    Array,
    /// An enum.
    Enum,
    /// The number of a large object.
    LargeObject,
    /// Anything else.
    Other,
}

impl Kind {
    /// Whether it is text of one sort or another.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::PaddedText | Self::CaselessText)
    }

    /// Whether it is a whole number.
    pub fn is_whole_number(self) -> bool {
        matches!(self, Self::Small | Self::Integer | Self::Big)
    }

    /// Whether it is a number.
    pub fn is_number(self) -> bool {
        self.is_whole_number() || matches!(self, Self::Decimal | Self::Real | Self::Double)
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
pub struct PrivateColumn {
    /// Its name.
    pub name: String,
    /// What its values are made of.
    pub kind: Kind,
    /// Its type as it was declared, for people.
    pub declared: String,
    /// The names of the plain types that its type is made of in the end, of every part.
    #[serde(default)]
    pub made_of: Vec<String>,
    /// The names of its type's attributes, where that is made of some, and of theirs.
    #[serde(default)]
    pub attributes: Vec<String>,
    /// The tables of whose rows its type is made.
    #[serde(default)]
    pub rows_of: Vec<QualifiedName>,
    /// How many characters it has room for; `None` where there is no limit.
    pub room: Option<u32>,
    /// Whether it takes NULL.
    pub nullable: bool,
    /// Its comment.
    pub comment: Option<String>,
    /// A primary key, unique index or exclusion constraint that it is part of.
    pub key: Option<String>,
    /// Whether rows are sent to partitions by it.
    pub partition_key: bool,
    /// The columns it is computed from, where it is.
    pub generated_from: Option<Vec<String>>,
    /// Whether its values come from a sequence.
    pub numbered: bool,
    /// Whether texts that differ in their bytes may be equal.
    pub loose: bool,
    /// Whether a check of its table or of its domain reads it.
    pub checked: bool,
}

#[cfg(test)]
impl PrivateColumn {
    /// One of which there is nothing to say.
    pub(crate) fn plain(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            declared: format!("{kind:?}").to_lowercase(),
            made_of: Vec::new(),
            attributes: Vec::new(),
            rows_of: Vec::new(),
            room: None,
            nullable: true,
            comment: None,
            key: None,
            partition_key: false,
            generated_from: None,
            numbered: false,
            loose: false,
            checked: false,
        }
    }
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PrivateKey {
    /// Its name.
    pub name: String,
    /// The referencing columns.
    pub columns: Vec<String>,
    /// The table referenced.
    pub references: QualifiedName,
    /// The columns referenced, in the same order.
    pub referenced: Vec<String>,
}

/// A table that a clone copies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PrivateTable {
    /// Its name.
    pub name: QualifiedName,
    /// Its columns.
    pub columns: Vec<PrivateColumn>,
    /// Its foreign keys.
    pub foreign_keys: Vec<PrivateKey>,
    /// The tables it inherits from; of a partition, the whole.
    pub parents: Vec<QualifiedName>,
    /// Whether it is a partition.
    pub partition: bool,
}
