//! Durations as people write them: `30m`, `8s`, `168h`, `0`.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Duration(pub(crate) std::time::Duration);

impl Duration {
    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Duration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 30s, 10m, 168h, or 0")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
                if text.trim() == "0" {
                    return Ok(Duration::seconds(0));
                }
                humantime::parse_duration(text).map(Duration).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Duration, E> {
                if number == 0 { Ok(Duration::seconds(0)) } else { Err(E::invalid_value(de::Unexpected::Unsigned(number), &self)) }
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Duration, E> {
                if number == 0 { Ok(Duration::seconds(0)) } else { Err(E::invalid_value(de::Unexpected::Signed(number), &self)) }
            }
        }
        deserializer.deserialize_any(Text)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "a duration such as 30s, 10m, 168h, or 0", "examples": ["30s", "10m", "168h"] })
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let parse = |json| serde_json::from_str::<Duration>(json);
        assert_eq!(parse("\"168h\"").unwrap(), Duration::seconds(604_800));
        assert_eq!(parse("\"0\"").unwrap(), parse("0").unwrap());
        for wrong in ["5", "\"5\"", "\"soon\"", "true"] {
            assert!(parse(wrong).unwrap_err().to_string().contains("such as 30s"), "{wrong}");
        }
    }
}
