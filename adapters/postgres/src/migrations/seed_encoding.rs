//! Seed files in other encodings than UTF-8: where, and what to do.

/// A text that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotUtf8 {
    /// The line, from 1, of the first byte that is out of place.
    pub(super) line: u32,
    /// For people.
    pub(super) message: &'static str,
}

/// What to do about a byte out of place.
const SAVE_AS_UTF_8: &str = "the file is not UTF-8: save it as UTF-8";

/// The file's text, or its beginning's: what a character is cut off at the end is left out.
pub(super) fn text(bytes: &[u8]) -> Result<&str, NotUtf8> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(NotUtf8 { line: 1, message: "the file is UTF-16: save it as UTF-8" });
    }
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).expect("valid up to there");
    if error.error_len().is_none() { Ok(valid) } else { Err(NotUtf8::behind(valid)) }
}

/// The text of a whole file.
pub(super) fn whole_text(bytes: &[u8]) -> Result<&str, NotUtf8> {
    text(bytes).and_then(|text| if text.len() == bytes.len() { Ok(text) } else { Err(NotUtf8::behind(text)) })
}

impl NotUtf8 {
    /// A byte out of place behind a text that is none.
    fn behind(text: &str) -> Self {
        Self { line: u32::try_from(1 + text.matches('\n').count()).unwrap_or(u32::MAX), message: SAVE_AS_UTF_8 }
    }
}

#[cfg(test)]
mod tests {
    use super::{NotUtf8, SAVE_AS_UTF_8, text, whole_text};

    #[test]
    fn the_line_of_the_first_wrong_byte_is_told() {
        assert_eq!(text("caf\u{e9}\n".as_bytes()), Ok("caf\u{e9}\n"));
        assert_eq!(text(b"a\nb\ncaf\xe9, a"), Err(NotUtf8 { line: 3, message: SAVE_AS_UTF_8 }));
        assert_eq!(text(b"a\ncaf\xc3"), Ok("a\ncaf"));
        assert_eq!(whole_text(b"a\ncaf\xc3").unwrap_err().line, 2);
        assert!(text(b"\xff\xfea\0").unwrap_err().message.contains("UTF-16"));
    }
}
