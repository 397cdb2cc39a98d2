//! A difference in the result of an operation.

use domain::{difference::script, schema::SchemaDiff};
use serde_json::Value;

/// As GET tells it: its script is a migration as it is.
pub(super) fn diff_told(diff: &SchemaDiff) -> Value {
    let mut told = serde_json::to_value(diff).expect("texts and numbers have a JSON form");
    told["script"] = script(&diff.script).into();
    told
}
