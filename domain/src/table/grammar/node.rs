//! JSON as far as a filter can make use of it, read within limits.

use super::{MAX_DEPTH, MAX_ITEMS};
use serde::{Deserialize, Deserializer, de};
use std::fmt;

const NODES: usize = 8 * MAX_ITEMS;
/// Each group is an object within a list; the object itself, a column's list and its members come on top.
const LEVELS: usize = 2 * MAX_DEPTH + 3;

/// JSON, as far as a filter can make use of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
    /// A number, a boolean or null, as it is written.
    Scalar(String),
    /// What lies behind a limit, unread.
    TooDeep,
    TooMany,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut left = NODES;
        de::DeserializeSeed::deserialize(NodeSeed { levels: LEVELS, left: &mut left }, deserializer)
    }
}

/// Reads JSON into nodes, so many levels deep and so many of them in all. What is beyond is passed over unread.
struct NodeSeed<'a> {
    levels: usize,
    left: &'a mut usize,
}

impl<'de> de::DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        *self.left = self.left.saturating_sub(1);
        if self.levels == 0 {
            de::IgnoredAny::deserialize(deserializer)?;
            return Ok(Node::TooDeep);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a filter: an object of columns and operations, such as {\"age\": \"gte.18\"}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar("null".to_owned()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while *self.left > 0 {
            match list.next_element_seed(NodeSeed { levels: self.levels - 1, left: self.left })? {
                Some(node) => nodes.push(node),
                None => return Ok(Node::List(nodes)),
            }
        }
        while list.next_element::<de::IgnoredAny>()?.is_some() {}
        Ok(Node::TooMany)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while *self.left > 0 {
            let Some(name) = map.next_key()? else { return Ok(Node::Object(entries)) };
            entries.push((name, map.next_value_seed(NodeSeed { levels: self.levels - 1, left: self.left })?));
        }
        while map.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {}
        Ok(Node::TooMany)
    }
}
