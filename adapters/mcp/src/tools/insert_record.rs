//! `insert_record`: insert rows, or merge them with those that are there.

use super::{
    change::Change,
    table_arguments::{Reading, branch_schema, returning_schema, table_schema, write_failed},
};
use crate::{
    scope::RequestScope,
    tool::{CallError, Tool},
};
use async_trait::async_trait;
use domain::{
    Action,
    table::{Insert, OnConflict, Resolution, TableName},
};
use ports::driving::{InsertRecord, UseCase};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::sync::Arc;

/// Inserts rows.
pub(crate) struct InsertRecordTool {
    pub(crate) use_case: Arc<dyn UseCase<InsertRecord>>,
    pub(crate) max_bytes: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    table: String,
    data: Box<RawValue>,
    returning: Option<String>,
    on_conflict: Option<String>,
    branch: Option<String>,
}

#[async_trait]
impl Tool for InsertRecordTool {
    const ACTION: Action = Action::InsertRecord;
    const TITLE: &'static str = "Insert record";
    const DESCRIPTION: &'static str = "Insert one row or many, all or none. A key that a row lacks takes the column's default.";
    type Input = Input;
    type Output = Change;

    fn input_schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["table", "data"],
            "properties": {
                "table": table_schema(),
                "data": {
                    "description": "a row {column: value}, or a list of rows",
                    "anyOf": [{"type": "object"}, {"type": "array", "minItems": 1, "items": {"type": "object"}}]
                },
                "returning": returning_schema(),
                "on_conflict": {"type": "string", "minLength": 1, "description": "columns of a unique key: rows that are there take the new values"},
                "branch": branch_schema()
            }
        })
    }

    fn output_schema() -> Value {
        Change::schema()
    }

    async fn call(&self, scope: &RequestScope, input: Input) -> Result<Change, CallError> {
        let branch = scope.branch(input.branch.as_deref())?;
        let insert = insert(&input, self.max_bytes)?;
        let written = scope.ask(&*self.use_case, InsertRecord { branch, insert }).await.map_err(write_failed)?;
        Change::of(written, false, self.max_bytes).await
    }
}

fn insert(input: &Input, max_bytes: u64) -> Result<Insert, CallError> {
    let mut reading = Reading::default();
    let shape = reading.data(&input.data);
    let conflict_columns = input.on_conflict.as_deref().map(|text| reading.columns("/on_conflict", text));
    let on_conflict = conflict_columns.map(|columns| OnConflict { columns, resolution: Resolution::MergeDuplicates });
    // A key that a row lacks would reset the column of a row that is there to its default.
    if let (Some(row), Some(_)) = (shape.unequal, &on_conflict) {
        reading.refuse(&format!("/data/{row}"), "has other keys than row 0; with on_conflict all rows must have the same keys");
    }
    let returning = reading.returning(input.returning.as_deref(), max_bytes);
    reading.finish()?;
    Ok(Insert {
        table: TableName::parse(&input.table),
        rows: input.data.get().to_owned(),
        columns: shape.keys,
        on_conflict,
        missing_default: true,
        returning,
    })
}
