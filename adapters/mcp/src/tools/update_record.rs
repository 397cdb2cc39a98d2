//! `update_record`: change rows.

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
    table::{TableName, Update},
};
use ports::driving::{UpdateRecord, UseCase};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::sync::Arc;

/// Changes rows.
pub(crate) struct UpdateRecordTool {
    pub(crate) use_case: Arc<dyn UseCase<UpdateRecord>>,
    pub(crate) max_bytes: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    table: String,
    filter: Box<RawValue>,
    data: Box<RawValue>,
    returning: Option<String>,
    max_affected: Option<u64>,
    dry_run: Option<bool>,
    branch: Option<String>,
}

#[async_trait]
impl Tool for UpdateRecordTool {
    const ACTION: Action = Action::UpdateRecord;
    const TITLE: &'static str = "Update record";
    const DESCRIPTION: &'static str = "Change the rows that a filter matches.";
    type Input = Input;
    type Output = Change;

    fn input_schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["table", "filter", "data"],
            "properties": {
                "table": table_schema(),
                "filter": rows_schema(),
                "data": {"type": "object", "minProperties": 1, "description": "the new values: {column: value}"},
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
        let update = update(&input, self.max_bytes)?;
        let dry_run = update.dry_run;
        let written = scope.ask(&*self.use_case, UpdateRecord { branch, update }).await.map_err(write_failed)?;
        Ok(Change::of(written, dry_run, self.max_bytes).await?.without_inserted())
    }
}

fn update(input: &Input, max_bytes: u64) -> Result<Update, CallError> {
    let mut reading = Reading::default();
    let mut returning = reading.returning(input.returning.as_deref(), max_bytes);
    let update = Update {
        table: TableName::parse(&input.table),
        filter: reading.required_filter(&input.filter, &mut returning),
        changes: input.data.get().to_owned(),
        columns: reading.data(&input.data).keys,
        missing_default: false,
        max_affected: Some(input.max_affected.unwrap_or(DEFAULT_MAX_AFFECTED)),
        dry_run: input.dry_run.unwrap_or_default(),
        returning,
    };
    reading.finish()?;
    Ok(update)
}
