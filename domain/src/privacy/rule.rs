//! Rules that people write: a column and what becomes of it, and columns that were looked at and found harmless.

use super::Mask;
use crate::table::{QualifiedName, quoted_part, split_names};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// A column of a table: `schema.table.column`, where a part that holds a dot or a quote stands in double quotes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnName {
    /// The table.
    pub table: QualifiedName,
    /// The column.
    pub column: String,
}

/// Columns, as `schema.table.column` with `*` for any characters of one part.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnPattern([String; 3]);

/// Why a text names no column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' names no column: expected schema.table.column, such as public.users.email")]
pub struct InvalidColumn(String);

/// What becomes of one column's values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskRule {
    /// The column.
    pub column: ColumnName,
    /// As what its values arrive.
    #[serde(rename = "as")]
    pub mask: Mask,
}

/// What a configuration says of personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivacyRules {
    masking: Vec<MaskRule>,
    classified: Vec<ColumnPattern>,
}

/// Two rules for one column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has more than one rule: keep one")]
pub struct RepeatedColumn(pub ColumnName);

impl PrivacyRules {
    /// Rules of which none speaks of a column that another speaks of.
    pub fn new(masking: Vec<MaskRule>, classified: Vec<ColumnPattern>) -> Result<Self, RepeatedColumn> {
        let repeated = masking.iter().enumerate().find(|(place, rule)| masking[..*place].iter().any(|earlier| earlier.column == rule.column));
        match repeated {
            Some((_, rule)) => Err(RepeatedColumn(rule.column.clone())),
            None => Ok(Self { masking, classified }),
        }
    }

    /// The rules for single columns.
    pub fn masking(&self) -> &[MaskRule] {
        &self.masking
    }

    /// The columns that were looked at and found harmless.
    pub fn classified(&self) -> &[ColumnPattern] {
        &self.classified
    }

    /// Whether somebody named this very column harmless, and not whatever fits a pattern.
    pub(super) fn names_harmless(&self, table: &QualifiedName, column: &str) -> bool {
        self.classified.iter().any(|pattern| pattern.names_a_column() && pattern.matches(table, column))
    }

    pub(super) fn calls_harmless(&self, table: &QualifiedName, column: &str) -> bool {
        self.classified.iter().any(|pattern| pattern.matches(table, column))
    }
}

impl ColumnName {
    /// A name from its parts.
    pub fn new(table: QualifiedName, column: impl Into<String>) -> Self {
        Self { table, column: column.into() }
    }
}

impl ColumnPattern {
    /// Whether it stands for this column.
    pub fn matches(&self, table: &QualifiedName, column: &str) -> bool {
        let Self([schema, name, own]) = self;
        fits(schema, &table.schema) && fits(name, &table.name) && fits(own, column)
    }

    fn names_a_column(&self) -> bool {
        !self.0[2].contains('*')
    }
}

/// Whether a text fits a pattern in which `*` stands for any characters.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    rest.char_indices().map(|(place, _)| place).chain([rest.len()]).any(|place| fits(after, &rest[place..]))
}

/// The three parts of a name, without their quotes.
fn parts(raw: &str) -> Option<[String; 3]> {
    split_names(raw)?.try_into().ok()
}

impl FromStr for ColumnName {
    type Err = InvalidColumn;

    fn from_str(raw: &str) -> Result<Self, InvalidColumn> {
        let [schema, table, column] = parts(raw).ok_or_else(|| InvalidColumn(raw.to_owned()))?;
        Ok(Self { table: QualifiedName::new(schema, table), column })
    }
}

impl FromStr for ColumnPattern {
    type Err = InvalidColumn;

    fn from_str(raw: &str) -> Result<Self, InvalidColumn> {
        parts(raw).map(Self).ok_or_else(|| InvalidColumn(raw.to_owned()))
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", quoted_part(&self.table.schema), quoted_part(&self.table.name), quoted_part(&self.column))
    }
}

impl fmt::Display for ColumnPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([schema, table, column]) = self;
        write!(f, "{}.{}.{}", quoted_part(schema), quoted_part(table), quoted_part(column))
    }
}

impl Serialize for ColumnName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ColumnName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for ColumnPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ColumnPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{ColumnName, ColumnPattern, MaskRule, PrivacyRules};
    use crate::{privacy::Mask, table::QualifiedName};

    #[test]
    fn names_are_read_as_they_are_written() {
        for raw in ["public.users.email", "\"odd.schema\".\"say \"\"hi\"\"\".e mail"] {
            assert_eq!(raw.parse::<ColumnName>().unwrap().to_string(), raw);
        }
        for raw in ["", "email", "users.email", "a.b.c.d", "a..c", "a.b.", "a.b.\"c"] {
            let said = raw.parse::<ColumnName>().unwrap_err().to_string();
            assert!(said.contains("schema.table.column"), "{said}");
        }
    }

    #[test]
    fn a_star_stands_for_part_of_one_part() {
        let matches =
            |pattern: &str, table: &str, column| pattern.parse::<ColumnPattern>().unwrap().matches(&QualifiedName::new("app", table), column);
        assert!(matches("app.log_*.ip", "log_2026", "ip") && matches("*.*.*", "x", "y") && matches("app.*.*_email*", "x", "the_email_kind"));
        assert!(
            !matches("app.log_*.ip", "catalog_1", "ip") && !matches("app.users.email", "users", "email2") && !matches("public.*.*", "users", "a")
        );
    }

    #[test]
    fn a_column_has_one_rule() {
        let rule: MaskRule = serde_json::from_str(r#"{"column": "public.users.email", "as": "email"}"#).unwrap();
        assert_eq!(rule.mask, Mask::Email);
        let other = MaskRule { mask: Mask::Null, ..rule.clone() };
        let said = PrivacyRules::new(vec![rule, other], Vec::new()).unwrap_err().to_string();
        assert_eq!(said, "public.users.email has more than one rule: keep one");
        assert!(serde_json::from_str::<MaskRule>(r#"{"column": "a.b.c", "as": "null", "with": 1}"#).is_err());
    }
}
