//! `delete_record`: delete rows.

use super::{
    change::Change,
    table_arguments::{
        DEFAULT_MAX_AFFECTED, Reading, branch_schema, dry_run_schema, max_affected_schema, returning_schema, rows_schema, table_schema, write_failed,
    },
};
use crate::{
    scope::RequestScope,
    tool::{CallError, Tool},
};
use async_trait::async_trait;
use domain::{
    Action,
    table::{Delete, TableName},
};
use ports::driving::{DeleteRecord, UseCase};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::sync::Arc;

/// Deletes rows.
pub(crate) struct DeleteRecordTool {
    pub(crate) use_case: Arc<dyn UseCase<DeleteRecord>>,
    pub(crate) max_bytes: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    table: String,
    filter: Box<RawValue>,
    returning: Option<String>,
    max_affected: Option<u64>,
    dry_run: Option<bool>,
    branch: Option<String>,
}

#[async_trait]
impl Tool for DeleteRecordTool {
    const ACTION: Action = Action::DeleteRecord;
    const TITLE: &'static str = "Delete record";
    const DESCRIPTION: &'static str = "Delete the rows that a filter matches.";
    type Input = Input;
    type Output = Change;

    fn input_schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["table", "filter"],
            "properties": {
                "table": table_schema(),
                "filter": rows_schema(),
                "returning": returning_schema(),
                "max_affected": max_affected_schema(),
                "dry_run": dry_run_schema(),
                "branch": branch_schema()
            }
        })
    }

    fn output_schema() -> Value {
        Change::schema()
    }

    async fn call(&self, scope: &RequestScope, input: Input) -> Result<Change, CallError> {
        let branch = scope.branch(input.branch.as_deref())?;
        let delete = delete(&input, self.max_bytes)?;
        let dry_run = delete.dry_run;
        let written = scope.ask(&*self.use_case, DeleteRecord { branch, delete }).await.map_err(write_failed)?;
        Ok(Change::of(written, dry_run, self.max_bytes).await?.without_inserted())
    }
}

fn delete(input: &Input, max_bytes: u64) -> Result<Delete, CallError> {
    let mut reading = Reading::default();
    let mut returning = reading.returning(input.returning.as_deref(), max_bytes);
    let delete = Delete {
        table: TableName::parse(&input.table),
        filter: reading.required_filter(&input.filter, &mut returning),
        max_affected: Some(input.max_affected.unwrap_or(DEFAULT_MAX_AFFECTED)),
        dry_run: input.dry_run.unwrap_or_default(),
        returning,
    };
    reading.finish()?;
    Ok(delete)
}
