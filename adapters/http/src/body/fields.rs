//! A JSON object taken apart field by field: all its faults are found at once, each with its JSON pointer.

use domain::{Fault, migration::MigrationVersion};
use serde_json::{Map, Value};
use std::{fmt::Display, str::FromStr};

/// What a body is read into.
pub(crate) trait FromFields: Sized + Send {
    /// How the OpenAPI document describes it.
    type Document: poem_openapi::types::Type;

    /// Whether a request may come without a body, which then is one without fields.
    const OPTIONAL: bool = false;
    /// Whether it carries files, and may be larger than others.
    const LARGE: bool = false;

    /// Takes the fields; `None` where one has a fault, which then is noted.
    fn from_fields(fields: &mut Fields) -> Option<Self>;
}

/// The fields of an object that were not taken yet, and the faults found so far.
#[derive(Debug)]
pub(crate) struct Fields {
    left: Map<String, Value>,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl Fields {
    /// Reads a whole body. Fields that nobody took are faults too.
    pub(crate) fn read<T: FromFields>(body: Value) -> Result<T, Vec<Fault>> {
        let Value::Object(left) = body else {
            return Err(vec![Fault::new("", format!("expected an object, not {}", kind(&body)))]);
        };
        let mut fields = Self { left, known: Vec::new(), faults: Vec::new() };
        let value = T::from_fields(&mut fields);
        let known = match fields.known.as_slice() {
            [] => "it takes no fields".to_owned(),
            known => format!("known are {}", known.join(", ")),
        };
        for name in fields.left.keys() {
            fields.faults.push(Fault::new(pointer(name), format!("unknown field; {known}")));
        }
        match value {
            Some(value) if fields.faults.is_empty() => Ok(value),
            _ => Err(fields.faults),
        }
    }

    /// A text that must be there.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let text = self.optional_text(name)?;
        self.required(name, text)
    }

    /// A text that may be missing or null; the outer `None` is a fault.
    #[expect(clippy::option_option, reason = "a fault and an absent field are two things")]
    pub(crate) fn optional_text(&mut self, name: &'static str) -> Option<Option<String>> {
        self.optional(name, "a string", |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        })
    }

    /// A text that says something of its own, and must be there.
    pub(crate) fn parsed<V: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<V> {
        let value = self.optional_parsed(name)?;
        self.required(name, value)
    }

    /// A text that says something of its own, and may be missing or null.
    #[expect(clippy::option_option, reason = "a fault and an absent field are two things")]
    pub(crate) fn optional_parsed<V: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<Option<V>> {
        match self.take(name) {
            None => Some(None),
            Some(Value::String(text)) => self.parse(pointer(name), &text).map(Some),
            Some(other) => {
                self.fault(pointer(name), no_text::<V>(&other));
                None
            }
        }
    }

    /// A field of a change: its text is parsed. Without the field the value stays as it is (`None`); null takes the value away (`Some(None)`).
    #[expect(clippy::option_option, reason = "a fault, an absent field and null are three things")]
    pub(crate) fn patched<V: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<Option<Option<V>>> {
        let given = self.left.contains_key(name);
        self.optional_parsed(name).map(|value| given.then_some(value))
    }

    /// `true`, `false`, or missing, which is `false`.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.optional_flag(name).map(Option::unwrap_or_default)
    }

    /// `true`, `false`, or missing.
    #[expect(clippy::option_option, reason = "a fault and an absent field are two things")]
    pub(crate) fn optional_flag(&mut self, name: &'static str) -> Option<Option<bool>> {
        self.optional(name, "true or false", |value| match value {
            Value::Bool(flag) => Ok(flag),
            other => Err(other),
        })
    }

    /// A whole number from 1 up that must be there.
    pub(crate) fn count(&mut self, name: &'static str) -> Option<u32> {
        let count = self.optional_count(name)?;
        self.required(name, count)
    }

    /// An object that may be missing or null.
    #[expect(clippy::option_option, reason = "a fault and an absent field are two things")]
    pub(crate) fn optional_object<T: FromFields>(&mut self, name: &'static str) -> Option<Option<T>> {
        match self.take(name) {
            None => Some(None),
            Some(value) => self.nested(&pointer(name), value).map(Some),
        }
    }

    /// A list of objects; missing or null it is empty.
    pub(crate) fn objects<T: FromFields>(&mut self, name: &'static str) -> Option<Vec<T>> {
        let items = self.optional(name, "a list of objects", list)?;
        let items = items.unwrap_or_default().into_iter().enumerate();
        let read: Vec<_> = items.map(|(index, item)| self.nested(&format!("{}/{index}", pointer(name)), item)).collect();
        read.into_iter().collect()
    }

    fn nested<T: FromFields>(&mut self, at: &str, value: Value) -> Option<T> {
        let note = |faults: Vec<Fault>| {
            self.faults.extend(faults.into_iter().map(|fault| Fault::new(format!("{at}{}", fault.pointer), fault.message)));
        };
        Self::read(value).map_err(note).ok()
    }

    /// A whole number from 1 up that may be missing or null.
    #[expect(clippy::option_option, reason = "a fault and an absent field are two things")]
    pub(crate) fn optional_count(&mut self, name: &'static str) -> Option<Option<u32>> {
        self.optional(name, "a whole number from 1 to 4294967295", |value| {
            value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0).ok_or(value)
        })
    }

    /// A migration's version that may be missing or null.
    #[expect(clippy::option_option, reason = "a fault and an absent field are two things")]
    pub(crate) fn optional_version(&mut self, name: &'static str) -> Option<Option<MigrationVersion>> {
        self.optional(name, "a migration's version, a whole number of at most 18 digits", |value| {
            value.as_u64().and_then(|number| number.to_string().parse().ok()).ok_or(value)
        })
    }

    /// A list of texts that say something of their own, and that may be missing or null.
    #[expect(clippy::option_option, reason = "a fault and an absent field are two things")]
    pub(crate) fn optional_list<V: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<Option<Vec<V>>> {
        let Some(items) = self.optional(name, "a list of strings", list)? else { return Some(None) };
        let mut values = Some(Vec::with_capacity(items.len()));
        for (index, item) in items.into_iter().enumerate() {
            let at = format!("{}/{index}", pointer(name));
            let value = if let Value::String(text) = &item {
                self.parse(at, text)
            } else {
                self.fault(at, format!("expected a string, not {}", kind(&item)));
                None
            };
            values = values.zip(value).map(|(mut values, value)| {
                values.push(value);
                values
            });
        }
        values.map(Some)
    }

    /// Notes a fault of a field that was taken.
    pub(crate) fn fault(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.faults.push(Fault::new(pointer, message));
    }

    #[expect(clippy::option_option, reason = "a fault and an absent field are two things")]
    fn optional<V>(&mut self, name: &'static str, expected: &str, read: impl FnOnce(Value) -> Result<V, Value>) -> Option<Option<V>> {
        let Some(value) = self.take(name) else { return Some(None) };
        match read(value) {
            Ok(value) => Some(Some(value)),
            Err(other) => {
                self.fault(pointer(name), format!("expected {expected}, not {}", kind(&other)));
                None
            }
        }
    }

    /// A field's value; `None` where it is missing or null.
    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// A value that must be there.
    pub(crate) fn required<V>(&mut self, name: &str, value: Option<V>) -> Option<V> {
        if value.is_none() {
            self.fault(pointer(name), "is required");
        }
        value
    }

    fn parse<V: FromStr<Err: Display>>(&mut self, at: String, text: &str) -> Option<V> {
        text.parse().map_err(|error: V::Err| self.fault(at, error.to_string())).ok()
    }

    /// The fields that a body of this kind has.
    #[cfg(test)]
    pub(crate) fn known_to<T: FromFields>() -> Vec<&'static str> {
        let mut fields = Self { left: Map::new(), known: Vec::new(), faults: Vec::new() };
        let _ = T::from_fields(&mut fields);
        fields.known
    }
}

fn list(value: Value) -> Result<Vec<Value>, Value> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(other),
    }
}

/// What is wrong with a value where a text says something of its own. A number may lack its quotes only, or more: what it would be as a text is told.
fn no_text<V: FromStr<Err: Display>>(value: &Value) -> String {
    let told = format!("expected a string, not {}", kind(value));
    let Value::Number(number) = value else { return told };
    match number.to_string().parse::<V>() {
        Ok(_) => format!("{told}; in quotes it would do: \"{number}\""),
        Err(error) => format!("{told}; {error}"),
    }
}

/// A JSON pointer to a field (RFC 6901).
fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A value's kind, never the value: it may be a secret.
const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "this number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, FromFields};
    use domain::Scope;
    use poem_openapi::types::Any;
    use serde_json::{Value, json};

    #[derive(Debug, PartialEq)]
    struct Everything {
        name: String,
        scopes: Option<Vec<Scope>>,
        count: Option<u32>,
        flag: bool,
        scope: Option<Scope>,
    }

    impl FromFields for Everything {
        type Document = Any<Value>;

        fn from_fields(fields: &mut Fields) -> Option<Self> {
            let (name, scopes, count) = (fields.text("name"), fields.optional_list("scopes"), fields.optional_count("count"));
            let (flag, scope) = (fields.flag("flag"), fields.optional_parsed("scope"));
            Some(Self { name: name?, scopes: scopes?, count: count?, flag: flag?, scope: scope? })
        }
    }

    fn faults(body: Value) -> Vec<String> {
        Fields::read::<Everything>(body).unwrap_err().into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn fields_that_are_missing_or_null_are_left_out() {
        let nothing = Everything { name: "a".to_owned(), scopes: None, count: None, flag: false, scope: None };
        assert_eq!(Fields::read(json!({"name": "a"})), Ok(nothing));
        let read = Fields::read::<Everything>(json!({"name": "a", "scopes": ["read:tables"], "count": 3, "flag": true, "scope": null})).unwrap();
        assert_eq!((read.scopes, read.count, read.flag), (Some(vec![Scope::ReadTables]), Some(3), true));
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        assert_eq!(
            faults(json!({"scopes": ["read:tables", 5, "read:x"], "count": 0, "flag": "yes", "scope": "x", "a/b": 1})),
            ["/name", "/scopes/1", "/scopes/2", "/count", "/flag", "/scope", "/a~1b"]
        );
        assert_eq!(faults(json!([])), [""]);
        assert_eq!(faults(json!({"name": 5})), ["/name"]);
    }

    #[derive(Debug, PartialEq)]
    #[expect(clippy::option_option, reason = "an absent field and null are two things")]
    struct Nest {
        one: Option<Everything>,
        many: Vec<Everything>,
        patch: Option<Option<Scope>>,
    }

    impl FromFields for Nest {
        type Document = Any<Value>;

        fn from_fields(fields: &mut Fields) -> Option<Self> {
            let (one, many, patch) = (fields.optional_object("one"), fields.objects("many"), fields.patched("patch"));
            Some(Self { one: one?, many: many?, patch: patch? })
        }
    }

    #[test]
    fn objects_in_a_body_tell_their_faults_by_their_place() {
        let body = json!({"one": {"name": 1, "x": 1}, "many": [{"name": "a"}, {}, 3], "patch": 1});
        let faults: Vec<_> = Fields::read::<Nest>(body).unwrap_err().into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(faults, ["/one/name", "/one/x", "/many/1/name", "/many/2", "/patch"]);
        let read: Nest = Fields::read(json!({"many": [{"name": "a"}]})).unwrap();
        assert_eq!((read.one, read.many.len(), read.patch), (None, 1, None));
        assert_eq!(Fields::read::<Nest>(json!({"patch": null})).unwrap().patch, Some(None));
    }

    #[test]
    fn a_fault_never_repeats_a_value_of_the_wrong_type() {
        let faults = Fields::read::<Everything>(json!({"name": ["my password"]})).unwrap_err();
        assert_eq!(faults[0].message, "expected a string, not a list");
        let faults = Fields::read::<Everything>(json!({"name": "a", "nmae": 1})).unwrap_err();
        assert_eq!(faults[0].message, "unknown field; known are name, scopes, count, flag, scope");
    }

    #[derive(Debug)]
    struct Nothing;

    impl FromFields for Nothing {
        type Document = Any<Value>;

        fn from_fields(_: &mut Fields) -> Option<Self> {
            Some(Self)
        }
    }

    #[test]
    fn what_takes_no_fields_says_so() {
        let faults = Fields::read::<Nothing>(json!({"wait": true})).unwrap_err();
        assert_eq!((faults[0].pointer.as_str(), faults[0].message.as_str()), ("/wait", "unknown field; it takes no fields"));
    }
}
