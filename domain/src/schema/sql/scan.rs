//! Where in a text a character is SQL, and where it stands inside quotes or brackets.

use crate::lexer::{Lexer, TokenKind};

/// A character of SQL outside quotes, comments left in: PostgreSQL writes none into definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    at: usize,
    byte: u8,
    /// How many brackets are open before it.
    depth: usize,
}

/// The marks of a text, in order. A bracket that opens has the depth outside it, one that closes too. A quoted name is its first quote.
fn marks(text: &str) -> Vec<Mark> {
    let (mut found, mut depth) = (Vec::with_capacity(text.len()), 0_usize);
    for token in Lexer::new(text, 0) {
        let seen = match token.kind {
            TokenKind::Text => "",
            TokenKind::QuotedName => "\"",
            _ => token.text,
        };
        for (at, byte) in seen.bytes().enumerate().filter(|(_, byte)| byte.is_ascii()) {
            if matches!(byte, b')' | b']') {
                depth = depth.saturating_sub(1);
            }
            found.push(Mark { at: token.start + at, byte, depth });
            if matches!(byte, b'(' | b'[') {
                depth += 1;
            }
        }
    }
    found
}

/// The pieces between a separator that stands outside brackets and quotes.
pub(in crate::schema) fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    for mark in marks(text).into_iter().filter(|mark| mark.depth == 0 && char::from(mark.byte) == separator) {
        pieces.push(&text[from..mark.at]);
        from = mark.at + 1;
    }
    pieces.push(&text[from..]);
    pieces
}

/// The statements of a text, trimmed, without their semicolons.
pub(in crate::schema) fn statements(text: &str) -> Vec<&str> {
    split(text, ';').into_iter().map(str::trim).filter(|statement| !statement.is_empty()).collect()
}

/// Where a byte stands first outside brackets and quotes, from an offset on.
pub(in crate::schema) fn find(text: &str, byte: u8, from: usize) -> Option<usize> {
    marks(text).into_iter().find(|mark| mark.depth == 0 && mark.byte == byte && mark.at >= from).map(|mark| mark.at)
}

/// Where words stand by themselves, outside brackets and quotes: `find_words("a NOT NULL", "NOT NULL")` is 2.
pub(in crate::schema) fn find_words(text: &str, words: &str) -> Option<usize> {
    let whole = |at: usize| {
        let before = text[..at].chars().next_back();
        let after = text[at + words.len()..].chars().next();
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '"' | '.'));
        !part(before) && !part(after)
    };
    marks(text).into_iter().find(|mark| mark.depth == 0 && text[mark.at..].starts_with(words) && whole(mark.at)).map(|mark| mark.at)
}

/// What stands behind words, trimmed.
pub(super) fn after_word<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    find_words(text, words).map(|at| text[at + words.len()..].trim())
}

#[cfg(test)]
mod tests {
    use super::{after_word, find, find_words, split, statements};

    #[test]
    fn separators_in_quotes_and_brackets_do_not_separate() {
        assert_eq!(split(r#"a, b(1, 2), 'x, ''y', "c,""d", E'\',', $t$ , $t$, ARRAY[1, 2]"#, ',').len(), 7);
        assert_eq!(statements("a; b ';' ;\n\n c $$;$$;"), ["a", "b ';'", "c $$;$$"]);
        assert_eq!(split("$1, x$y, a$b", ',').len(), 3);
    }

    #[test]
    fn words_are_found_where_they_stand_by_themselves() {
        assert_eq!(find_words("a text DEFAULT 'NOT NULL' NOT NULL", "NOT NULL"), Some(26));
        assert_eq!(find_words(r#"a public."NOT NULL""#, "NOT NULL"), None);
        assert_eq!(find_words("a (b IS NOT NULL)", "NOT NULL"), None);
        assert_eq!(find_words("not_NOT NULL", "NOT NULL"), None);
        assert_eq!(after_word("x DEFAULT  1", "DEFAULT"), Some("1"));
        assert_eq!(find("a('(') (", b'(', 3), Some(7));
    }
}
