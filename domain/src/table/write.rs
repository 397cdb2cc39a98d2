//! Writes: insert, update, delete, and what comes back of them.

use super::{Condition, OrderTerm, SelectItem, Shape, TableName};
use crate::failure::shown;
use serde::{Deserialize, Deserializer, de};
use std::{collections::HashSet, fmt};

/// Insert rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insert {
    /// Into where.
    pub table: TableName,
    /// The rows: a JSON array of objects or one object, as text that parsed. PostgreSQL takes it apart.
    pub rows: String,
    /// The columns written; keys of `rows` outside it are passed over.
    pub columns: Vec<String>,
    /// What to do with rows whose key is there already.
    pub on_conflict: Option<OnConflict>,
    /// Whether a key that a row lacks takes the column's default instead of NULL.
    pub missing_default: bool,
    /// What comes back.
    pub returning: Returning,
}

/// What to do with rows whose key is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnConflict {
    /// The columns of the key; empty means the primary key's.
    pub columns: Vec<String>,
    /// Merge or pass over.
    pub resolution: Resolution,
}

/// How a conflict is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The row that is there takes the new values.
    MergeDuplicates,
    /// The row that is there stays.
    IgnoreDuplicates,
}

/// Change rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Of which table.
    pub table: TableName,
    /// Which rows; `None` is allowed only where `max_affected` bounds it.
    pub filter: Option<Condition>,
    /// The new values: a JSON object, as text that parsed.
    pub changes: String,
    /// The columns written.
    pub columns: Vec<String>,
    /// Whether a column that `changes` lacks takes its default instead of NULL.
    pub missing_default: bool,
    /// Rows at most; more, and nothing is changed.
    pub max_affected: Option<u64>,
    /// Do it, see what comes of it, and take it back.
    pub dry_run: bool,
    /// What comes back.
    pub returning: Returning,
}

/// Delete rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// Of which table.
    pub table: TableName,
    /// Which rows; `None` is allowed only where `max_affected` bounds it.
    pub filter: Option<Condition>,
    /// Rows at most; more, and nothing is deleted.
    pub max_affected: Option<u64>,
    /// Do it, see what comes of it, and take it back.
    pub dry_run: bool,
    /// What comes back.
    pub returning: Returning,
}

/// What comes back of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Returning {
    /// The number of rows.
    #[default]
    Count,
    /// The rows as they now are.
    Rows {
        /// Which columns and embeds; empty means every column.
        columns: Vec<SelectItem>,
        /// In which order.
        order: Vec<OrderTerm>,
        /// Array, or exactly one.
        shape: Shape,
        /// Bytes of an array that are kept of them: the rows behind are written all the same, and left out of the answer.
        max_bytes: Option<u64>,
    },
    /// The primary key of the one row inserted, for a `Location` header; nothing where there are more.
    Key,
}

impl Returning {
    /// The columns and embeds that come back.
    pub fn columns_mut(&mut self) -> &mut [SelectItem] {
        match self {
            Self::Rows { columns, .. } => columns,
            Self::Count | Self::Key => &mut [],
        }
    }
}

/// What a document of rows to insert looks like from outside: how many rows, and which keys. Values are passed over unread.
///
/// Deserialise it from the request's body: it takes an object or an array of objects and refuses everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowsShape {
    /// Whether the document was an array.
    pub array: bool,
    /// Number of rows.
    pub rows: usize,
    /// The keys of the first row, in order, and then those that later rows add.
    pub keys: Vec<String>,
    /// The first row (from 0) whose keys are not those of the first.
    pub unequal: Option<usize>,
}

/// Rows of one insert with different keys, without a list of columns that would say which count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all rows of one insert must have the same keys, and row {0} differs from row 0; name the columns (`columns=`) to say which count")]
pub struct UnequalRows(pub usize);

impl RowsShape {
    /// The columns to write: those that were named, else the keys that every row has.
    pub fn columns(&self, named: Option<Vec<String>>) -> Result<Vec<String>, UnequalRows> {
        match (named, self.unequal) {
            (Some(named), _) => Ok(named),
            (None, Some(row)) => Err(UnequalRows(row)),
            (None, None) => Ok(self.keys.clone()),
        }
    }
}

/// A list of rows while it is read.
#[derive(Default)]
struct Gathered {
    shape: RowsShape,
    /// The keys of the shape, once there is a row that has them otherwise than the first.
    known: HashSet<String>,
}

impl Gathered {
    fn add(&mut self, row: Vec<String>) {
        let Self { shape, known } = self;
        if shape.rows == 0 {
            shape.keys = row;
        } else if row != shape.keys {
            if known.is_empty() {
                known.extend(shape.keys.iter().cloned());
            }
            let same = row.len() == known.len() && row.iter().all(|key| known.contains(key));
            if !same {
                shape.unequal.get_or_insert(shape.rows);
                for key in row {
                    if !known.contains(&key) {
                        known.insert(key.clone());
                        shape.keys.push(key);
                    }
                }
            }
        }
        shape.rows += 1;
    }
}

/// Columns that a table of PostgreSQL can have; more keys than that are no row.
const MAX_COLUMNS: usize = 1600;

fn too_many_keys<E: de::Error>() -> E {
    E::custom(format_args!("more than {MAX_COLUMNS} keys: no table has so many columns"))
}

/// Reads the keys of one row. Most have those of the row before in the same order, and then there are no twins to look for.
struct RowKeys<'k> {
    likely: &'k [String],
}

impl<'de> de::DeserializeSeed<'de> for RowKeys<'_> {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> de::Visitor<'de> for RowKeys<'_> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row: a JSON object of column names and values")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
        let mut keys = Vec::with_capacity(self.likely.len());
        while let Some((key, _)) = map.next_entry::<String, de::IgnoredAny>()? {
            if keys.len() == MAX_COLUMNS {
                return Err(too_many_keys());
            }
            keys.push(key);
        }
        if keys != self.likely
            && let Some(twin) = twin(&keys)
        {
            return Err(de::Error::custom(format_args!("the key '{}' is there twice", shown(twin, 100))));
        }
        Ok(keys)
    }
}

/// A key that is there twice.
fn twin(keys: &[String]) -> Option<&str> {
    let mut seen = HashSet::with_capacity(keys.len());
    keys.iter().map(String::as_str).find(|key| !seen.insert(*key))
}

impl<'de> Deserialize<'de> for RowsShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows;
        impl<'de> de::Visitor<'de> for Rows {
            type Value = RowsShape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row (a JSON object) or a list of rows")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<RowsShape, A::Error> {
                let keys = RowKeys { likely: &[] }.visit_map(map)?;
                Ok(RowsShape { rows: 1, keys, ..RowsShape::default() })
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut rows: A) -> Result<RowsShape, A::Error> {
                let mut gathered = Gathered { shape: RowsShape { array: true, ..RowsShape::default() }, ..Gathered::default() };
                while let Some(row) = rows.next_element_seed(RowKeys { likely: &gathered.shape.keys })? {
                    gathered.add(row);
                    if gathered.shape.keys.len() > MAX_COLUMNS {
                        return Err(too_many_keys());
                    }
                }
                Ok(gathered.shape)
            }
        }
        deserializer.deserialize_any(Rows)
    }
}

#[cfg(test)]
mod tests {
    use super::{RowsShape, UnequalRows};

    fn shape(json: &str) -> Result<RowsShape, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn keys_are_read_and_values_are_not() {
        let one = shape(r#"{"a":1,"b":{"deep":[1,2]}}"#).unwrap();
        assert_eq!((one.array, one.rows, one.keys.as_slice()), (false, 1, ["a".to_owned(), "b".to_owned()].as_slice()));
        assert_eq!(shape("[]").unwrap().rows, 0);
    }

    #[test]
    fn unequal_rows_need_their_columns_named() {
        let rows = shape(r#"[{"a":1},{"a":2,"b":3}]"#).unwrap();
        assert_eq!(rows.columns(None), Err(UnequalRows(1)));
        assert_eq!(rows.columns(Some(vec!["a".to_owned()])), Ok(vec!["a".to_owned()]));
        assert!(shape(r#"[{"a":1,"b":2},{"b":1,"a":2}]"#).unwrap().columns(None).is_ok());
    }

    #[test]
    fn keys_are_bounded() {
        let row = |from: usize, to: usize| format!("{{{}}}", (from..to).map(|n| format!("\"c{n}\":1")).collect::<Vec<_>>().join(","));
        assert!(shape(&row(0, 1600)).is_ok());
        assert!(shape(&row(0, 1601)).is_err());
        assert!(shape(&format!("[{},{}]", row(0, 1600), row(1, 1601))).is_err());
    }

    #[test]
    fn many_rows_of_many_keys_are_read_in_one_pass() {
        let row = |numbers: &mut dyn Iterator<Item = usize>| {
            format!("{{{}}}", numbers.map(|n| format!("\"column number {n}\":1")).collect::<Vec<_>>().join(","))
        };
        let (forward, backward) = (row(&mut (0..1600)), row(&mut (0..1600).rev()));
        let many = format!("[{forward}{}]", format!(",{backward}").repeat(1000));
        let began = std::time::Instant::now();
        let read = shape(&many).unwrap();
        assert_eq!((read.rows, read.keys.len(), read.unequal), (1001, 1600, None));
        // A second; each key against each other took fifteen.
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    }

    #[test]
    fn a_key_that_is_there_twice_is_not_repeated_at_length() {
        let key = "k".repeat(1_000_000);
        let message = shape(&format!("[{{\"a\":1}},{{\"{key}\":1,\"{key}\":2}}]")).unwrap_err().to_string();
        assert!(message.contains("kkk...' is there twice") && message.len() < 300, "{}", message.len());
        assert!(shape(r#"[{"a":1,"b":1},{"a":1,"b":1},{"a":1,"a":1}]"#).is_err(), "in a later row too");
    }

    #[test]
    fn what_is_no_row_is_refused() {
        for json in ["1", "\"x\"", "null", "[1]", "[[]]", "[null]", r#"{"a":1,"a":2}"#] {
            assert!(shape(json).is_err(), "{json}");
        }
    }
}
