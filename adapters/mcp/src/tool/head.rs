//! The beginning of each argument, as a value: enough to check it against a schema, and never more than a bounded number of nodes.

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer};
use serde_json::{Map, Number, Value, value::RawValue};
use std::fmt;

/// Nodes read of one argument. What lies behind is passed over; whoever takes the argument reads all of its text.
const NODES: usize = 2000;
/// Arguments read at most: tools have fewer, so that one too many is told from the first ones.
const ARGUMENTS: usize = 64;

/// The arguments, each up to a bounded size. A value of ten megabytes of text would take hundreds of memory.
#[derive(Debug)]
pub(super) struct Heads(pub(super) Value);

impl<'de> Deserialize<'de> for Heads {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Arguments;
        impl<'de> de::Visitor<'de> for Arguments {
            type Value = Heads;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of arguments")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Heads, A::Error> {
                let mut heads = Map::new();
                while let Some((name, text)) = map.next_entry::<String, &'de RawValue>()? {
                    if heads.len() < ARGUMENTS {
                        heads.insert(name, head(text).map_err(de::Error::custom)?);
                    }
                }
                Ok(Heads(heads.into()))
            }
        }
        deserializer.deserialize_map(Arguments)
    }
}

fn head(text: &RawValue) -> Result<Value, serde_json::Error> {
    let mut budget = Budget { left: NODES, overdrawn: false };
    Node(&mut budget).deserialize(&mut serde_json::Deserializer::from_str(text.get()))
}

/// What may still be read of an argument.
struct Budget {
    left: usize,
    /// Something was passed over: the values that are being read are not whole.
    overdrawn: bool,
}

struct Node<'a>(&'a mut Budget);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.left = self.0.left.saturating_sub(1);
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while self.0.left > 0 {
            match list.next_element_seed(Node(self.0))? {
                // A part of an element may lack what the element has. The first one stays, since a list of none would be something else.
                Some(_) if self.0.overdrawn && !values.is_empty() => {}
                Some(value) => values.push(value),
                None => return Ok(values.into()),
            }
        }
        while list.next_element::<de::IgnoredAny>()?.is_some() {
            self.0.overdrawn = true;
        }
        Ok(values.into())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while self.0.left > 0 {
            let Some(name) = map.next_key::<String>()? else { return Ok(members.into()) };
            members.insert(name, map.next_value_seed(Node(self.0))?);
        }
        while map.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {
            self.0.overdrawn = true;
        }
        Ok(members.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{ARGUMENTS, Heads, NODES};
    use serde_json::{Value, json};

    fn heads(text: &str) -> Value {
        serde_json::from_str::<Heads>(text).unwrap().0
    }

    #[test]
    fn what_is_short_is_whole() {
        let arguments = json!({"a": [1, -2, 2.5, null, true, "x", {"b": []}], "c": {"d": {}}, "e": 18_446_744_073_709_551_615_u64});
        assert_eq!(heads(&arguments.to_string()), arguments);
    }

    #[test]
    fn what_is_long_is_cut_and_the_next_argument_is_not() {
        let long = format!(r#"{{"data":[{}],"table":"t"}}"#, vec!["1"; 100_000].join(","));
        let read = heads(&long);
        assert_eq!((read["data"].as_array().unwrap().len(), &read["table"]), (NODES - 1, &json!("t")));
        let members: Vec<_> = (0..100_000).map(|n| format!("\"k{n}\":[{{}}]")).collect();
        assert!(heads(&format!(r#"{{"data":{{{}}}}}"#, members.join(",")))["data"].as_object().unwrap().len() < NODES);
        assert_eq!(heads(&format!("{{{}}}", members.join(","))).as_object().unwrap().len(), ARGUMENTS);
    }

    #[test]
    fn an_element_that_is_not_whole_is_none() {
        for count in [666, 667, 3000] {
            let files = vec![json!({"name": "1_a.sql", "sql": ""}); count];
            let read = heads(&json!({"files": files}).to_string());
            assert_eq!(read["files"], json!(files[..count.min(666)]), "{count}");
        }
        // One that is too long by itself is better than none.
        let members: Vec<_> = (0..3000).map(|n| format!("\"k{n}\":1")).collect();
        assert_eq!(heads(&format!(r#"{{"data":[{{{}}}]}}"#, members.join(",")))["data"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[]", "1", "null", "\"x\""] {
            assert!(serde_json::from_str::<Heads>(text).is_err(), "{text}");
        }
    }
}
