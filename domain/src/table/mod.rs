//! Typed requests on tables: what crosses the data port instead of SQL text.

mod condition;
pub mod grammar;
mod name;
mod page_subject;
mod selection;
mod write;

pub use condition::{Condition, FieldPath, JsonStep, Operator, Quantifier, Test, TextSearch, TruthValue, Value};
pub use name::QualifiedName;
pub(crate) use name::{quoted_part, split_names};
pub use page_subject::{FOREIGN_CURSOR, PageSubject};
pub use selection::{CastType, CountMode, Direction, Embed, Field, Join, Nulls, OrderTerm, SelectItem, TableName, UnknownCast};
pub use write::{Delete, Insert, OnConflict, Resolution, Returning, RowsShape, UnequalRows, Update};

/// Read rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// From where.
    pub table: TableName,
    /// Which columns and embedded relations; empty means every column.
    pub columns: Vec<SelectItem>,
    /// Which rows; `None` means all.
    pub filter: Option<Condition>,
    /// In which order.
    pub order: Vec<OrderTerm>,
    /// Whether rows that the order leaves equal come in the order of their primary key, where there is one: pages by offset then lose and repeat none.
    pub tie_break: bool,
    /// Rows at most.
    pub limit: Option<u64>,
    /// Rows passed over first.
    pub offset: u64,
    /// Whether to count the rows that the filter matches, and how.
    pub count: Option<CountMode>,
    /// How the document is shaped.
    pub shape: Shape,
    /// End the document at a row's end before it grows over this many bytes, and say that it is cut.
    pub max_bytes: Option<u64>,
}

/// What the document of rows looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// A JSON array of rows.
    #[default]
    Array,
    /// One row as a JSON object. Any other number of rows is [`crate::Failure::NotSingular`], and a write is rolled back.
    Singular,
}
