//! `@pii` in the comment on a column: the rule lies beside what it is about.

use super::{InvalidMask, Mask};

const TAG: &str = "@pii";

/// Why a comment cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTag {
    /// What follows the tag is no mask.
    #[error("@pii is followed by what is no mask (end it with a full stop where prose follows): {0}")]
    Mask(#[from] InvalidMask),
    /// Nothing stands between the tag and what follows it.
    #[error("'{0}' is no tag: write a space behind @pii, such as '@pii email', or take it out")]
    Glued(String),
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
        if before.is_some_and(is_word) {
            continue;
        }
        if rest.starts_with(is_word) {
            let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            // As it was written: lower-casing changes no length here.
            return Err(InvalidTag::Glued(comment[place..place + TAG.len() + end].to_owned()));
        }
        let mask = after_tag(rest)?;
        if found.is_some_and(|found| found != mask) {
            return Err(InvalidTag::Two);
        }
        found = Some(mask);
    }
    Ok(found)
}

/// A comment on something else than a column of a table: nothing is masked by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What it is on, as PostgreSQL calls it: `view public.people_by_name`.
    pub object: String,
    /// The tag, as it was written, up to the end of its line.
    pub tag: String,
}

impl Remark {
    /// `None` where the comment has no tag.
    pub fn of(object: String, comment: &str) -> Option<Self> {
        const SHOWN: usize = 40;
        if tagged(comment) == Ok(None) {
            return None;
        }
        let lower = comment.to_ascii_lowercase();
        let (place, _) = lower.match_indices(TAG).find(|(place, _)| !lower[..*place].chars().next_back().is_some_and(is_word))?;
        let tag = comment[place..].chars().take_while(|c| !c.is_control()).take(SHOWN).collect::<String>().trim_end().to_owned();
        Some(Self { object, tag })
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// The mask behind the tag, on the same line; what begins with anything but a word is none.
fn after_tag(rest: &str) -> Result<Mask, InvalidMask> {
    // `@pii(email)` reads like a call.
    if let Some((inner, _)) = rest.strip_prefix('(').and_then(|inner| inner.rsplit_once(')')).filter(|_| !rest.contains(['\n', '\r'])) {
        return inner.parse();
    }
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
    use super::{InvalidTag, Remark, tagged};
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
            ("@PII email", Mask::Email),
            ("@pii:email", Mask::Email),
            ("@pii=hash.", Mask::Hash),
            ("@pii(keep_last(4))", Mask::KeepLast(4)),
        ] {
            assert_eq!(tagged(comment), Ok(Some(mask)), "{comment}");
        }
        for comment in ["", "an address", "write to me@pii.example", "@pi", "@ pii"] {
            assert_eq!(tagged(comment), Ok(None), "{comment}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        assert!(tagged("@pii emial").unwrap_err().to_string().contains("unknown mask 'emial'"));
        assert!(tagged("@pii keep_last").unwrap_err().to_string().contains("keep_last(4)"));
        assert_eq!(tagged("@pii email @pii hash"), Err(InvalidTag::Two));
        for (comment, glued) in [("Mind: @PIIemail.", "@PIIemail"), ("@pii_level", "@pii_level"), ("@pii-email, lower", "@pii-email")] {
            assert_eq!(tagged(comment), Err(InvalidTag::Glued(glued.to_owned())));
        }
        assert!(tagged("@pii(emial)").is_err());
    }

    #[test]
    fn a_tag_is_told_as_it_was_written() {
        let tag = |comment: &str| Remark::of("view v".to_owned(), comment).map(|remark| remark.tag);
        assert_eq!(tag("By name.\n@PII Email. And so on").as_deref(), Some("@PII Email. And so on"));
        assert_eq!(tag("@piiemail\nmore").as_deref(), Some("@piiemail"));
        assert_eq!((tag("nobody@pii.example"), tag("")), (None, None));
    }
}
