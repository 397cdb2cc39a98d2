//! `@pii` in the comment on a column: the rule lies beside what it is about.

use super::{InvalidMask, Mask};

const TAG: &str = "@pii";

/// Why a comment cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTag {
    /// What follows the tag is no mask.
    #[error("@pii is followed by what is no mask (end it with a full stop where prose follows): {0}")]
    Mask(#[from] InvalidMask),
    /// Two tags that ask for different things.
    #[error("two @pii tags ask for different masks: keep one")]
    Two,
}

/// What a comment asks for: `@pii email`; `@pii` alone hides the value; `@pii keep` says that it is not personal.
pub fn tagged(comment: &str) -> Result<Option<Mask>, InvalidTag> {
    let lower = comment.to_ascii_lowercase();
    let mut found = None;
    for (place, _) in lower.match_indices(TAG) {
        let before = lower[..place].chars().next_back();
        let rest = &lower[place + TAG.len()..];
        if before.is_some_and(is_word) || rest.starts_with(is_word) {
            continue;
        }
        let mask = after_tag(rest)?;
        if found.is_some_and(|found| found != mask) {
            return Err(InvalidTag::Two);
        }
        found = Some(mask);
    }
    Ok(found)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// The mask behind the tag, on the same line; what begins with anything but a word is none.
fn after_tag(rest: &str) -> Result<Mask, InvalidMask> {
    let line = rest.split(['\n', '\r']).next().unwrap_or_default();
    let line = line.trim_start().trim_start_matches([':', '=']).trim_start();
    let end = line.find(|c: char| !is_word(c)).unwrap_or(line.len());
    let (word, behind) = line.split_at(end);
    if word.is_empty() {
        return Ok(Mask::Redact);
    }
    match behind.trim_start().strip_prefix('(').and_then(|inner| inner.split_once(')')) {
        Some((inner, _)) if word == "keep_last" => format!("{word}({inner})").parse(),
        _ => word.parse(),
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidTag, tagged};
    use crate::privacy::Mask;

    #[test]
    fn tags_are_found_anywhere() {
        for (comment, mask) in [
            ("@pii email", Mask::Email),
            ("Where to write to. @PII: Email, lower-cased", Mask::Email),
            ("last digits @pii keep_last(4).", Mask::KeepLast(4)),
            ("(@pii)", Mask::Redact),
            ("@pii. Ask legal.", Mask::Redact),
            ("@pii\nAsk legal.", Mask::Redact),
            ("@pii keep", Mask::Keep),
            ("@pii null @pii null", Mask::Null),
        ] {
            assert_eq!(tagged(comment), Ok(Some(mask)), "{comment}");
        }
        for comment in ["", "an address", "write to me@pii.example", "@piiemail", "@pii_level"] {
            assert_eq!(tagged(comment), Ok(None), "{comment}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        assert!(tagged("@pii emial").unwrap_err().to_string().contains("unknown mask 'emial'"));
        assert!(tagged("@pii keep_last").unwrap_err().to_string().contains("keep_last(4)"));
        assert_eq!(tagged("@pii email @pii hash"), Err(InvalidTag::Two));
    }
}
