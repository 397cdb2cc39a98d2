//! JSON whose objects have every key once: which of two would count is nobody's to guess.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use std::fmt;

/// A value whose objects have every key once. The error for another names no value: it may be a secret.
#[derive(Debug)]
pub(crate) struct UniqueKeys(pub(crate) Value);

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Read.deserialize(deserializer).map(Self)
    }
}

struct Read;

impl<'de> DeserializeSeed<'de> for Read {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Read)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                let shown: String = key.chars().take(100).collect();
                return Err(A::Error::custom(format!("the key '{shown}' is there twice")));
            }
            let value = entries.next_value_seed(Read)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::UniqueKeys;
    use serde_json::Value;

    #[test]
    fn what_has_every_key_once_is_read_as_ever() {
        for json in [r#"{"a": [1, -2, 1.5, "x\u00e9", true, null, {"a": {}}], "b": {"a": 1}}"#, "null", "[]", "18446744073709551615"] {
            let UniqueKeys(read) = serde_json::from_str(json).unwrap();
            assert_eq!(read, serde_json::from_str::<Value>(json).unwrap(), "{json}");
        }
        assert!(serde_json::from_str::<UniqueKeys>(&"[".repeat(100_000)).is_err(), "depth is bounded as ever");
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused_without_its_value() {
        for json in [r#"{"a": 1, "a": "secret"}"#, r#"[{"b": {"a": "secret", "\u0061": 2}}]"#] {
            let error = serde_json::from_str::<UniqueKeys>(json).unwrap_err().to_string();
            assert!(error.contains("the key 'a' is there twice") && !error.contains("secret"), "{error}");
        }
    }
}
