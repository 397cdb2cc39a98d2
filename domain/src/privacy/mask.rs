//! What may stand in a value's place.

use super::Kind;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// How the values of a column are changed on their way into a copy. NULL stays NULL and an empty text stays empty, whatever the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mask {
    /// An address at `example.invalid` that no mail reaches. Unlike values stay unlike.
    Email,
    /// A name out of a list; of several words where the value has several.
    Name,
    /// A number with the unassigned country code 999.
    Phone,
    /// NULL.
    Null,
    /// A keyed digest, as the type takes it: hexadecimal text, bytes, a UUID, an address of the documentation's network. Unlike values stay unlike.
    Hash,
    /// Stars, but for the last characters.
    KeepLast(u8),
    /// A UUID. Unlike values stay unlike.
    Uuid,
    /// Another number with the same sign and as many digits. Unlike whole numbers stay unlike.
    Number,
    /// A day, or moment, up to a year earlier.
    Date,
    /// Meaningless words of the same length.
    Text,
    /// One value for all: `redacted`, 0, the epoch.
    Redact,
    /// The value itself: somebody looked at the column, and it is not personal.
    Keep,
}

/// Why a text is no mask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMask {
    /// No mask of that name.
    #[error("unknown mask '{0}': known are {known}", known = Mask::KNOWN)]
    Unknown(String),
    /// `keep_last` without a number, or with one that keeps nothing or too much.
    #[error("'{0}' must say how many characters to keep, from 1 to {most}: keep_last(4)", most = Mask::MOST_KEPT)]
    KeepLast(String),
}

impl Mask {
    /// The names of all masks, for people.
    pub const KNOWN: &str = "email, name, phone, null, hash, keep_last(n), uuid, number, date, text, redact, keep";

    /// How many characters [`Mask::KeepLast`] keeps at most.
    pub const MOST_KEPT: u8 = 16;

    /// The shortest text in which digests of unlike values stay unlike: 64 bits.
    const FEWEST_DIGITS: u32 = 16;

    /// `u_` and `@example.invalid`.
    pub const AROUND_EMAIL: u32 = 18;

    /// `+999`.
    pub const BEFORE_PHONE: u32 = 4;

    /// `+999` and twelve digits: as long as numbers get (E.164).
    const PHONE: u32 = 15;

    /// A number with so many digits that unlike ones stay unlike.
    const WIDE_PHONE: u32 = 20;

    /// Whether there is such a value of that type.
    pub fn fits(self, kind: Kind) -> bool {
        match self {
            Self::Keep | Self::Null => true,
            Self::Email | Self::Name | Self::Phone | Self::KeepLast(_) | Self::Text => kind.is_text(),
            Self::Hash => kind.is_text() || matches!(kind, Kind::Bytes | Kind::Uuid | Kind::Inet),
            Self::Uuid => kind.is_text() || kind == Kind::Uuid,
            Self::Number => kind.is_number(),
            Self::Date => matches!(kind, Kind::Date | Kind::Timestamp | Kind::TimestampTz),
            Self::Redact => !matches!(kind, Kind::Enum | Kind::Other),
        }
    }

    /// Whether unlike values of that type stay unlike, so that keys hold.
    pub fn is_injective(self, kind: Kind) -> bool {
        match self {
            Self::Keep | Self::Email | Self::Phone | Self::Hash | Self::Uuid => true,
            Self::Number => kind.is_whole_number(),
            Self::Name | Self::Null | Self::KeepLast(_) | Self::Date | Self::Text | Self::Redact => false,
        }
    }

    /// How many characters the values of a text column get, where it has room for `room`; `None` where that is too few. `wide` makes every telephone
    /// number long enough to be a key.
    pub(super) fn width(self, room: Option<u32>, wide: bool) -> Option<u32> {
        let room = room.unwrap_or(u32::MAX);
        let (wanted, least) = match self {
            Self::Email => (Self::AROUND_EMAIL + 24, Self::AROUND_EMAIL + Self::FEWEST_DIGITS),
            Self::Hash => (32, Self::FEWEST_DIGITS),
            Self::Uuid => (36, 36),
            Self::Phone if wide => (Self::WIDE_PHONE, Self::WIDE_PHONE),
            Self::Phone => (Self::PHONE, Self::BEFORE_PHONE + 4),
            _ => (room, 1),
        };
        (room >= least).then_some(wanted.min(room))
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "email",
            Self::Name => "name",
            Self::Phone => "phone",
            Self::Null => "null",
            Self::Hash => "hash",
            Self::KeepLast(kept) => return write!(f, "keep_last({kept})"),
            Self::Uuid => "uuid",
            Self::Number => "number",
            Self::Date => "date",
            Self::Text => "text",
            Self::Redact => "redact",
            Self::Keep => "keep",
        })
    }
}

impl FromStr for Mask {
    type Err = InvalidMask;

    fn from_str(raw: &str) -> Result<Self, InvalidMask> {
        let text = raw.trim().to_ascii_lowercase();
        Ok(match text.as_str() {
            "email" => Self::Email,
            "name" => Self::Name,
            "phone" => Self::Phone,
            "null" => Self::Null,
            "hash" => Self::Hash,
            "uuid" => Self::Uuid,
            "number" => Self::Number,
            "date" => Self::Date,
            "text" => Self::Text,
            "redact" => Self::Redact,
            "keep" => Self::Keep,
            _ => return keep_last(&text, raw),
        })
    }
}

fn keep_last(text: &str, raw: &str) -> Result<Mask, InvalidMask> {
    let Some(rest) = text.strip_prefix("keep_last") else { return Err(InvalidMask::Unknown(raw.to_owned())) };
    let kept = rest.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).and_then(|kept| kept.trim().parse().ok());
    kept.filter(|kept| (1..=Mask::MOST_KEPT).contains(kept)).map(Mask::KeepLast).ok_or_else(|| InvalidMask::KeepLast(raw.to_owned()))
}

impl Serialize for Mask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl de::Visitor<'_> for Word {
            type Value = Mask;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "one of {}", Mask::KNOWN)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Mask, E> {
                text.parse().map_err(E::custom)
            }

            // YAML takes the word null for no word at all.
            fn visit_unit<E: de::Error>(self) -> Result<Mask, E> {
                Ok(Mask::Null)
            }

            fn visit_none<E: de::Error>(self) -> Result<Mask, E> {
                Ok(Mask::Null)
            }
        }
        deserializer.deserialize_any(Word)
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidMask, Mask};

    #[test]
    fn every_mask_is_read_as_it_is_written() {
        for name in Mask::KNOWN.split(", ").map(|name| name.replace("(n)", "(4)")) {
            let mask: Mask = name.parse().unwrap();
            assert_eq!(mask.to_string(), name);
            assert_eq!(serde_json::from_str::<Mask>(&serde_json::to_string(&mask).unwrap()).unwrap(), mask);
        }
        assert_eq!(serde_json::from_str::<Mask>("null").unwrap(), Mask::Null);
        assert_eq!(" Keep_Last( 4 ) ".parse(), Ok(Mask::KeepLast(4)));
    }

    #[test]
    fn what_is_no_mask_is_said() {
        for raw in ["keep_last", "keep_last()", "keep_last(0)", "keep_last(17)", "keep_last(-1)", "keep_last(4"] {
            assert_eq!(raw.parse::<Mask>(), Err(InvalidMask::KeepLast(raw.to_owned())));
        }
        let said = "emial".parse::<Mask>().unwrap_err().to_string();
        assert!(said.contains("'emial'") && said.contains("keep_last(n)"), "{said}");
    }

    #[test]
    fn a_digest_needs_room() {
        assert_eq!(Mask::Email.width(None, false), Some(42));
        assert_eq!(Mask::Email.width(Some(40), false), Some(40));
        assert_eq!(Mask::Email.width(Some(33), false), None);
        assert_eq!(Mask::Hash.width(Some(15), false), None);
        assert_eq!(
            (Mask::Phone.width(Some(20), false), Mask::Phone.width(Some(20), true), Mask::Phone.width(Some(19), true)),
            (Some(15), Some(20), None)
        );
        assert_eq!(Mask::Text.width(Some(3), false), Some(3));
    }
}
