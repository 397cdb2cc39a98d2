//! The list of tables.

use crate::{foreign_text::comment, room::Room};
use domain::catalogue::{Relation, RelationKind};
use ports::driving::TableList;
use serde::Serialize;

/// Tables listed at most, however many would fit; the rest is found schema by schema.
const LISTED: usize = 1000;

/// The tables that a caller may use.
#[derive(Debug, Serialize)]
pub(crate) struct TableSummaries {
    tables: Vec<TableSummary>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct TableSummary {
    name: String,
    kind: RelationKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_rows: Option<u64>,
    row_security: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    read_only: bool,
}

impl TableSummaries {
    /// What is shown of a list in so many bytes.
    pub(crate) fn of(list: &TableList, max_bytes: u64) -> Self {
        let summaries = list.relations().take(LISTED).map(|relation| TableSummary::of(&relation));
        let (tables, all) = Room::of(max_bytes).hold(summaries);
        Self { tables, truncated: !all || list.names.len() > LISTED }
    }
}

impl TableSummary {
    fn of(relation: &Relation) -> Self {
        Self {
            name: relation.name.to_string(),
            kind: relation.kind,
            comment: relation.comment.as_deref().map(comment),
            estimated_rows: relation.estimated_rows,
            row_security: relation.row_security,
            read_only: !relation.writable,
        }
    }
}
