//! What was wrong with a value, in words: which key, what stood there and where, and what would be right.

use super::{ConfigError, load, place, validate::bounded_number};
use figment::{
    Figment,
    error::{Actual, Kind},
    value::Tag,
};

/// An error of the layers as people are told of it.
pub(super) fn explain(figment: &Figment, error: figment::Error) -> ConfigError {
    let path = error.path.join(".");
    let named = match &error.kind {
        Kind::UnknownField(field, _) if path.is_empty() => field.clone(),
        Kind::UnknownField(field, _) => format!("{path}.{field}").replace(&format!("{field}.{field}"), field),
        _ => path.clone(),
    };
    let source_name = error.metadata.as_ref().map_or_else(|| "default".to_owned(), |metadata| place::of(metadata, &named));
    match error.kind {
        Kind::UnknownField(field, known) => {
            let key = named;
            let near = domain::catalogue::closest(&field, known.iter().copied());
            let hint = if near.is_empty() { format!("known here are {}", known.join(", ")) } else { format!("did you mean {}?", near.join(" or ")) };
            ConfigError::UnknownKey { key, source_name, hint }
        }
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => ConfigError::Invalid {
            value: shown(figment, &path, &actual),
            expected: bounded_number(&path).unwrap_or_else(|| format!("expected {}", in_words(&expected))),
            key: path,
            source_name,
        },
        Kind::UnknownVariant(actual, known) => {
            let (value, expected) = (format!("'{actual}'"), format!("expected one of {}", known.join(", ")));
            ConfigError::Invalid { key: path, value, source_name, expected }
        }
        Kind::Message(_) if path == "server.address" => {
            let value = figment.find_value(&path).map(|value| shown_value(&path, &value)).unwrap_or_default();
            ConfigError::Invalid { key: path, value, source_name, expected: format!("expected {ADDRESS}") }
        }
        Kind::Message(message) if path.is_empty() => {
            let whole = error.metadata.as_ref().map_or_else(|| "default".to_owned(), load::source_name);
            ConfigError::Other(format!("{whole} cannot be read: {message}"))
        }
        Kind::Message(message) => {
            let value = figment.find_value(&path).map(|value| shown_value(&path, &value)).unwrap_or_default();
            ConfigError::Invalid { key: path, value, source_name, expected: message }
        }
        other => ConfigError::Other(format!("{path} ({source_name}): {other}")),
    }
}

const ADDRESS: &str = "an IP address and a port, such as 127.0.0.1:8080";

/// A type of Rust's as people say it.
fn in_words(expected: &str) -> &str {
    match expected {
        "a nonzero u32" => "a whole number from 1 to 4294967295",
        "a nonzero u16" => "a whole number from 1 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => "a whole number of 0 and more",
        "a boolean" | "bool" => "true or false",
        "a sequence" => "a list, such as [\"one\", \"two\"]",
        "a string" | "string" => "a text",
        "path string" => "a path, as a text",
        "socket address" => ADDRESS,
        section if section.starts_with("struct ") => "a section: keys and values, indented below its name",
        other => other,
    }
}

fn shown(figment: &Figment, key: &str, actual: &Actual) -> String {
    figment.find_value(key).map_or_else(|_| actual.to_string(), |value| shown_value(key, &value))
}

/// A value as an error may show it: never that of a secret.
fn shown_value(key: &str, value: &figment::value::Value) -> String {
    let secret = ["url", "secret", "encryption_key", "password"].iter().any(|word| key.ends_with(word)) && !key.ends_with("public_url");
    if secret {
        return "(hidden)".to_owned();
    }
    match value {
        figment::value::Value::String(_, text) => format!("'{text}'"),
        figment::value::Value::Num(_, number) => number.to_u128().map_or_else(
            || number.to_i128().map_or_else(|| number.to_f64().map(|n| n.to_string()).unwrap_or_default(), |n| n.to_string()),
            |n| n.to_string(),
        ),
        figment::value::Value::Bool(_, value) => value.to_string(),
        figment::value::Value::Dict(Tag { .. }, _) => "a section".to_owned(),
        figment::value::Value::Array(..) => "a list".to_owned(),
        figment::value::Value::Empty(..) => "nothing".to_owned(),
        figment::value::Value::Char(_, character) => format!("'{character}'"),
    }
}
