//! Arguments: checked against the schema, then read. Every fault is told, with what would be right.

use super::{CallError, head::Heads, whole_numbers::written_plainly};
use domain::catalogue::closest;
use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

/// One fault of the arguments.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct ArgumentFault {
    /// JSON pointer into the arguments.
    pub(crate) path: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expected: Option<String>,
    /// The values, or names, that are allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) allowed: Vec<Value>,
    /// What may have been meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl ArgumentFault {
    /// A fault at a place.
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), ..Self::default() }
    }
}

impl From<domain::Fault> for ArgumentFault {
    fn from(fault: domain::Fault) -> Self {
        Self::new(fault.pointer, fault.message)
    }
}

/// Faults told at most; who makes more has other worries.
const TOLD: usize = 20;

/// Reads arguments. The text is read twice: as far as the schema is to be checked, and as it stands, so that no number in it goes through a float.
pub(super) fn read<T: DeserializeOwned>(validator: &Validator, schema: &Value, arguments: &RawValue) -> Result<T, CallError> {
    let Heads(value) = serde_json::from_str(arguments.get()).map_err(unreadable)?;
    if !validator.is_valid(&value) {
        let faults = validator.iter_errors(&value).flat_map(|error| faults(&error, schema)).take(TOLD);
        return Err(CallError::Arguments(faults.collect()));
    }
    serde_json::from_str(arguments.get()).or_else(|error| match written_plainly(arguments, schema) {
        Some(plain) => serde_json::from_str(&plain).map_err(unreadable),
        None => Err(unreadable(error)),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
fn unreadable(error: serde_json::Error) -> CallError {
    CallError::Arguments(vec![ArgumentFault::new("", error.to_string())])
}

fn faults(error: &ValidationError<'_>, schema: &Value) -> Vec<ArgumentFault> {
    let path = error.instance_path().as_str();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known: Vec<&str> = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            unexpected.iter().take(TOLD).map(|name| unknown_argument(path, name, &known)).collect()
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let described = schema["properties"][name]["description"].as_str();
            let fault = ArgumentFault::new(format!("{path}/{name}"), "is required");
            vec![ArgumentFault { expected: described.map(str::to_owned), ..fault }]
        }
        ValidationErrorKind::Enum { options } => {
            let fault = ArgumentFault::new(path, "is none of the allowed values");
            vec![ArgumentFault { allowed: options.as_array().cloned().unwrap_or_default(), ..fault }]
        }
        ValidationErrorKind::Type { .. } => vec![wrong_type(error)],
        ValidationErrorKind::AnyOf { .. } => {
            let described = schema["properties"][path.trim_start_matches('/')]["description"].as_str();
            vec![ArgumentFault { expected: described.map(str::to_owned), ..ArgumentFault::new(path, "has none of the allowed forms") }]
        }
        _ => vec![ArgumentFault::new(path, error.masked().to_string())],
    }
}

fn unknown_argument(path: &str, name: &str, known: &[&str]) -> ArgumentFault {
    let shown: String = name.chars().take(60).collect();
    let near = closest(&shown, known.iter().copied());
    ArgumentFault {
        hint: near.first().map(|near| format!("did you mean '{near}'?")),
        allowed: known.iter().map(|name| Value::from(*name)).collect(),
        ..ArgumentFault::new(format!("{path}/{}", shown.replace('~', "~0").replace('/', "~1")), "unknown argument")
    }
}

fn wrong_type(error: &ValidationError<'_>) -> ArgumentFault {
    let found = match error.instance().as_ref() {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    let message = error.masked().to_string();
    let expected = message.split_once(" is not of ").map(|(_, types)| types.to_owned());
    let hint = error.instance().is_null().then(|| "leave it out instead".to_owned());
    ArgumentFault { expected, hint, ..ArgumentFault::new(error.instance_path().as_str(), format!("has the wrong type: found {found}")) }
}

#[cfg(test)]
mod tests {
    use super::{ArgumentFault, read};
    use crate::tool::CallError;
    use serde::Deserialize;
    use serde_json::{Value, json, value::RawValue};

    fn check(arguments: &str) -> Result<Value, Vec<ArgumentFault>> {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["table"],
            "properties": {
                "table": {"type": "string", "description": "table or schema.table"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 10},
                "count": {"type": "string", "enum": ["exact", "planned"]},
                "data": {"type": ["object", "array"]}
            }
        });
        let arguments: &RawValue = serde_json::from_str(arguments).unwrap();
        read(&jsonschema::draft202012::new(&schema).unwrap(), &schema, arguments).map_err(|error| match error {
            CallError::Arguments(faults) => faults,
            CallError::Failed(failure) => panic!("{failure:?}"),
        })
    }

    #[test]
    fn every_fault_is_told_with_what_would_be_right() {
        let mut faults = check(r#"{"tabel": "users", "limit": 11, "count": "all", "data": 1}"#).unwrap_err();
        faults.sort_by(|a, b| a.path.cmp(&b.path));
        let told = serde_json::to_value(&faults).unwrap();
        assert_eq!(
            told,
            json!([
                {"path": "/count", "message": "is none of the allowed values", "allowed": ["exact", "planned"]},
                {"path": "/data", "message": "has the wrong type: found a number", "expected": told[1]["expected"]},
                {"path": "/limit", "message": "value is greater than the maximum of 10"},
                {"path": "/tabel", "message": "unknown argument", "allowed": ["count", "data", "limit", "table"], "hint": "did you mean 'table'?"},
                {"path": "/table", "message": "is required", "expected": "table or schema.table"},
            ])
        );
        assert!(told[1]["expected"].as_str().unwrap().contains("array"));
    }

    #[test]
    fn whole_numbers_may_be_written_with_a_point() {
        #[derive(Deserialize)]
        struct Input {
            limit: u64,
        }
        let schema = json!({"type": "object", "properties": {"limit": {"type": "integer", "maximum": 10}}});
        let read = |arguments: &str| {
            let arguments: &RawValue = serde_json::from_str(arguments).unwrap();
            read::<Input>(&jsonschema::draft202012::new(&schema).unwrap(), &schema, arguments).ok().map(|input| input.limit)
        };
        assert_eq!(read(r#"{"limit": 10.0}"#), Some(10));
        assert_eq!(read(r#"{"limit": 9.5}"#), None);
        assert_eq!(read(r#"{"limit": 1.0, "limit": 2}"#), None);
    }

    #[test]
    fn what_is_no_object_is_a_fault_too() {
        assert_eq!(check("[]").unwrap_err()[0].path, "");
        assert_eq!(check(&format!("{{\"data\":{}{}}}", "[".repeat(500), "]".repeat(500))).unwrap_err()[0].path, "");
    }

    #[test]
    fn long_values_are_not_repeated() {
        let faults = check(&json!({"table": "t", "count": "x".repeat(9000), "y".repeat(9000): 1}).to_string()).unwrap_err();
        assert!(serde_json::to_string(&faults).unwrap().len() < 1000);
    }
}
