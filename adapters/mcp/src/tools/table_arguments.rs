//! Arguments that several tools take, in the grammar that REST has too.

use crate::tool::CallError;
use domain::{
    Failure, Fault,
    table::{
        Condition, OrderTerm, Returning, RowsShape, SelectItem, Shape,
        grammar::{FilterObject, parse_order, parse_select},
    },
};
use serde_json::{Value, json, value::RawValue};

/// What a write failed with. Its `returning` is `select` to whoever carried it out.
pub(super) fn write_failed(failure: Failure) -> CallError {
    let Failure::Invalid(faults) = failure else { return failure.into() };
    let named = faults.into_iter().map(|fault| match fault.pointer.strip_prefix("/select") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Fault::new(format!("/returning{rest}"), fault.message),
        _ => fault,
    });
    named.collect::<Vec<_>>().into()
}

/// Reads arguments and gathers every fault.
#[derive(Default)]
pub(super) struct Reading {
    faults: Vec<Fault>,
    /// A list of columns could not be read: what a filter asks of its embeds cannot be held to it.
    columns_unread: bool,
}

impl Reading {
    fn fault(&mut self, pointer: &str, message: impl Into<String>) {
        self.faults.push(Fault::new(pointer, message));
    }

    /// `select`
    pub(super) fn select(&mut self, pointer: &str, text: Option<&str>) -> Vec<SelectItem> {
        match parse_select(text.unwrap_or_default()) {
            Ok(items) => items,
            Err(error) => {
                self.columns_unread = true;
                self.fault(pointer, error.message());
                Vec::new()
            }
        }
    }

    /// `order`
    pub(super) fn order(&mut self, text: Option<&str>) -> Vec<OrderTerm> {
        match parse_order(text.unwrap_or_default()) {
            Ok(terms) => terms,
            Err(error) => {
                self.fault("/order", error.message());
                Vec::new()
            }
        }
    }

    /// `filter`. What it asks of embeds goes to those of `columns`.
    pub(super) fn filter(&mut self, json: Option<&RawValue>, columns: &mut [SelectItem]) -> Option<Condition> {
        let columns = (!self.columns_unread).then_some(columns);
        match serde_json::from_str::<FilterObject>(json?.get()).map(|filter| filter.condition(columns)) {
            Ok(Ok(condition)) => condition,
            Ok(Err(faults)) => {
                self.faults.extend(faults);
                None
            }
            Err(error) => {
                self.fault("/filter", error.to_string());
                None
            }
        }
    }

    /// The `filter` of a write, without which it would meet every row.
    pub(super) fn required_filter(&mut self, json: &RawValue, returning: &mut Returning) -> Option<Condition> {
        let faults = self.faults.len();
        let condition = self.filter(Some(json), returning.columns_mut());
        if condition.is_none() && self.faults.len() == faults {
            self.fault("/filter", "must name at least one column, or every row would be meant: {\"id\": \"eq.5\"}");
        }
        condition
    }

    /// `data`: its keys.
    pub(super) fn data(&mut self, json: &RawValue) -> RowsShape {
        match serde_json::from_str(json.get()) {
            Ok(shape) => shape,
            Err(error) => {
                self.fault("/data", error.to_string());
                RowsShape::default()
            }
        }
    }

    /// `returning`, of which so many bytes can be shown.
    pub(super) fn returning(&mut self, text: Option<&str>, max_bytes: u64) -> Returning {
        if text.is_none() {
            return Returning::Count;
        }
        Returning::Rows { columns: self.select("/returning", text), order: Vec::new(), shape: Shape::Array, max_bytes: Some(max_bytes) }
    }

    /// `on_conflict`: plain column names.
    pub(super) fn columns(&mut self, pointer: &str, text: &str) -> Vec<String> {
        let mut names = Vec::new();
        for item in self.select(pointer, Some(text)) {
            match item {
                SelectItem::Field(field) if field.alias.is_none() && field.cast.is_none() && field.path.steps.is_empty() => {
                    names.push(field.path.column);
                }
                _ => self.fault(pointer, "takes the names of columns, parted by commas: tenant_id,email"),
            }
        }
        names
    }

    /// A fault that a tool found itself.
    pub(super) fn refuse(&mut self, pointer: &str, message: impl Into<String>) {
        self.fault(pointer, message);
    }

    /// All faults, if there are any.
    pub(super) fn finish(self) -> Result<(), CallError> {
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults.into()) }
    }
}

/// Rows that a write may touch when the caller does not say.
pub(super) const DEFAULT_MAX_AFFECTED: u64 = 100;

/// The schema of `table`.
pub(super) fn table_schema() -> Value {
    json!({"type": "string", "description": "[schema.]table"})
}

/// The schema of `branch`.
pub(super) fn branch_schema() -> Value {
    json!({"type": "string", "description": "slug or id"})
}

/// The schema of `filter` where a write takes it: it may not be empty.
pub(super) fn rows_schema() -> Value {
    json!({"type": "object", "minProperties": 1, "description": "which rows, as in query_table: {\"id\": \"eq.5\"}"})
}

/// The schema of `returning`.
pub(super) fn returning_schema() -> Value {
    json!({"type": "string", "minLength": 1, "description": "columns to give back, * for all; else only counts"})
}

/// The schema of `max_affected`.
pub(super) fn max_affected_schema() -> Value {
    json!({"type": "integer", "minimum": 1, "default": DEFAULT_MAX_AFFECTED, "description": "with more rows nothing is changed"})
}

/// The schema of `dry_run`.
pub(super) fn dry_run_schema() -> Value {
    json!({"type": "boolean", "description": "do it, show what comes of it, take it back"})
}
