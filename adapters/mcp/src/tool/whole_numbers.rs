//! Whole numbers that were written with a point, such as `10.0`: some clients know no others, and JSON Schema takes them for integers.

use serde::de::{self, Deserialize, Deserializer};
use serde_json::{Value, value::RawValue};
use std::fmt::{self, Write};

/// The arguments with such numbers written as integers, where the schema asks for one; `None` where there are none.
pub(super) fn written_plainly(arguments: &RawValue, schema: &Value) -> Option<String> {
    let Members(members) = serde_json::from_str(arguments.get()).ok()?;
    let mut found = false;
    let mut written = String::from("{");
    for (name, value) in &members {
        let whole = (schema["properties"][name.as_str()]["type"] == "integer").then(|| whole(value.get())).flatten();
        found |= whole.is_some();
        let separator = if written.len() == 1 { "" } else { "," };
        let name = Value::from(name.as_str());
        write!(written, "{separator}{name}:{}", whole.as_deref().unwrap_or(value.get())).expect("a String takes all that is written to it");
    }
    written.push('}');
    found.then_some(written)
}

/// `10` for `10.0`. Beyond 2^53 nobody knows what number was meant.
fn whole(text: &str) -> Option<String> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number: f64 = text.parse().ok().filter(|number: &f64| number.fract() == 0.0 && number.abs() <= EXACT)?;
    text.contains(['.', 'e', 'E']).then(|| format!("{:.0}", number + 0.0))
}

/// The members of an object as they stand, those given twice too: whoever reads them refuses these.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> de::Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of arguments")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::written_plainly;
    use serde_json::json;

    fn plainly(arguments: &str) -> Option<String> {
        let schema = json!({"properties": {"limit": {"type": "integer"}, "offset": {"type": "integer"}, "table": {"type": "string"}, "data": {}}});
        written_plainly(serde_json::from_str(arguments).unwrap(), &schema)
    }

    #[test]
    fn only_integers_are_written_anew() {
        assert_eq!(
            plainly(r#"{"table":"a\"b","limit":10.0,"data":{"limit":1.0, "n":12345678901234567890.10},"offset":1e2}"#).as_deref(),
            Some(r#"{"table":"a\"b","limit":10,"data":{"limit":1.0, "n":12345678901234567890.10},"offset":100}"#)
        );
        assert_eq!(plainly(r#"{"offset":-0.0}"#).as_deref(), Some(r#"{"offset":0}"#));
        assert_eq!(plainly(r#"{"limit":1.0,"limit":2}"#).as_deref(), Some(r#"{"limit":1,"limit":2}"#), "what is given twice stays that");
        for other in [r#"{"limit":10}"#, r#"{"limit":1.5}"#, r#"{"limit":1e300}"#, r#"{"limit":"1.0"}"#, r#"{"data":1.0}"#, "{}", "[]"] {
            assert_eq!(plainly(other), None, "{other}");
        }
    }
}
