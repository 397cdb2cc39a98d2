//! What is read of a table: columns, embedded relations, order.

use super::{Condition, FieldPath};
use std::{fmt, str::FromStr};

/// A table as a request names it: with a schema, or to be looked up in the exposed ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableName {
    /// The schema, where one was given.
    pub schema: Option<String>,
    /// The table or view.
    pub name: String,
}

impl TableName {
    /// `schema.table` or `table`, as MCP tools take it. The first dot parts the two.
    pub fn parse(raw: &str) -> Self {
        match raw.trim().split_once('.') {
            Some((schema, name)) => Self { schema: Some(schema.to_owned()), name: name.to_owned() },
            None => Self { schema: None, name: raw.trim().to_owned() },
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// One item of a `select` list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectItem {
    /// `*`: every column.
    All,
    /// A column, or a path into a JSON one.
    Field(Field),
    /// A related table's rows.
    Embed(Embed),
}

/// `alias:column->path::cast`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What.
    pub path: FieldPath,
    /// Its name in the answer; else the column's, or the last key of the JSON path.
    pub alias: Option<String>,
    /// The type it is turned into.
    pub cast: Option<CastType>,
}

/// `alias:relation!hint!inner(select)`, with what `alias.order`, `alias.limit`, `alias.column` ask of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embed {
    /// The related table's name, or the foreign key's.
    pub relation: String,
    /// Its name in the answer; else the relation's.
    pub alias: Option<String>,
    /// The foreign key, join table or column that decides between several.
    pub hint: Option<String>,
    /// Whether parents without a match stay.
    pub join: Join,
    /// Which columns of it; empty means none are shown (it may still filter).
    pub columns: Vec<SelectItem>,
    /// Which of its rows.
    pub filter: Option<Condition>,
    /// In which order.
    pub order: Vec<OrderTerm>,
    /// Rows at most, for each parent.
    pub limit: Option<u64>,
    /// Rows passed over first.
    pub offset: u64,
}

impl Embed {
    /// Whether it shows nothing, as those do that are there for their filter: `rel()`, and `rel(other())` likewise.
    pub fn is_empty(&self) -> bool {
        self.columns.iter().all(|item| matches!(item, SelectItem::Embed(embed) if embed.is_empty()))
    }

    /// The name it goes by: in the answer, and in the keys of nested filters, order and limit.
    pub fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.relation)
    }
}

/// Whether parents without a match stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Join {
    /// They stay, with `null` or `[]`. What is written as `!left` or not at all.
    #[default]
    Left,
    /// They go: `!inner`.
    Inner,
}

/// One term of an order. A path whose first step is an embed orders by a to-one relation's column: `order=author(name)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTerm {
    /// The embed it belongs to, for `relation(column)`.
    pub relation: Option<String>,
    /// By what.
    pub path: FieldPath,
    /// Which way.
    pub direction: Direction,
    /// Where NULLs go; else where PostgreSQL puts them (last when ascending, first when descending).
    pub nulls: Option<Nulls>,
}

/// Which way an order goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

/// Where NULLs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// Before everything.
    First,
    /// After everything.
    Last,
}

/// How the rows that a filter matches are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountMode {
    /// All are counted.
    Exact,
    /// The planner's estimate.
    Planned,
    /// Exact up to a threshold, the planner's estimate above it.
    Estimated,
}

impl FromStr for CountMode {
    type Err = ();

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "exact" => Ok(Self::Exact),
            "planned" => Ok(Self::Planned),
            "estimated" => Ok(Self::Estimated),
            _ => Err(()),
        }
    }
}

macro_rules! cast_types {
    ($($variant:ident $name:literal $sql:literal;)*) => {
        /// The types a value may be cast to: built-in ones whose conversion runs no code of anybody's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum CastType {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )*
        }

        impl CastType {
            /// Every type of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As requests write it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// As PostgreSQL writes it, qualified, so that no type of a user can stand in for it.
            pub const fn sql(self) -> &'static str {
                match self { $(Self::$variant => $sql,)* }
            }
        }
    };
}

cast_types! {
    Text "text" "pg_catalog.text";
    Varchar "varchar" "pg_catalog.varchar";
    Int2 "int2" "pg_catalog.int2";
    Int4 "int4" "pg_catalog.int4";
    Int8 "int8" "pg_catalog.int8";
    Numeric "numeric" "pg_catalog.numeric";
    Float4 "float4" "pg_catalog.float4";
    Float8 "float8" "pg_catalog.float8";
    Bool "bool" "pg_catalog.bool";
    Date "date" "pg_catalog.date";
    Time "time" "pg_catalog.time";
    Timestamp "timestamp" "pg_catalog.timestamp";
    Timestamptz "timestamptz" "pg_catalog.timestamptz";
    Interval "interval" "pg_catalog.interval";
    Uuid "uuid" "pg_catalog.uuid";
    Json "json" "pg_catalog.json";
    Jsonb "jsonb" "pg_catalog.jsonb";
    TextArray "text[]" "pg_catalog.text[]";
    VarcharArray "varchar[]" "pg_catalog.varchar[]";
    Int2Array "int2[]" "pg_catalog.int2[]";
    Int4Array "int4[]" "pg_catalog.int4[]";
    Int8Array "int8[]" "pg_catalog.int8[]";
    NumericArray "numeric[]" "pg_catalog.numeric[]";
    Float4Array "float4[]" "pg_catalog.float4[]";
    Float8Array "float8[]" "pg_catalog.float8[]";
    BoolArray "bool[]" "pg_catalog.bool[]";
    DateArray "date[]" "pg_catalog.date[]";
    TimeArray "time[]" "pg_catalog.time[]";
    TimestampArray "timestamp[]" "pg_catalog.timestamp[]";
    TimestamptzArray "timestamptz[]" "pg_catalog.timestamptz[]";
    IntervalArray "interval[]" "pg_catalog.interval[]";
    UuidArray "uuid[]" "pg_catalog.uuid[]";
    JsonArray "json[]" "pg_catalog.json[]";
    JsonbArray "jsonb[]" "pg_catalog.jsonb[]";
}

/// A cast to a type that is not in the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot cast to '{0}'; known are text, varchar, int2, int4, int8, numeric, float4, float8, bool, date, time, timestamp, timestamptz, interval, uuid, json, jsonb and their arrays"
)]
pub struct UnknownCast(pub String);

impl FromStr for CastType {
    type Err = UnknownCast;

    /// Reads the list's names and PostgreSQL's usual other spellings of them (`integer`, `bigint`, `boolean` ...).
    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let (base, array) = raw.strip_suffix("[]").map_or((raw, ""), |base| (base, "[]"));
        let base = match base {
            "smallint" => "int2",
            "int" | "integer" => "int4",
            "bigint" => "int8",
            "decimal" => "numeric",
            "real" => "float4",
            "double precision" => "float8",
            "boolean" => "bool",
            "character varying" => "varchar",
            other => other,
        };
        let name = format!("{base}{array}");
        Self::ALL.iter().copied().find(|cast| cast.name() == name).ok_or_else(|| UnknownCast(raw.to_owned()))
    }
}
