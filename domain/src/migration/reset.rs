//! Statements that take a session's settings back to what it began with.

use super::split::Piece;
use crate::lexer::{Lexer, TokenKind};

/// What a statement takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// The search path; until the transaction ends where that is said.
    SearchPath {
        /// Whether it is.
        local: bool,
    },
    /// Every setting.
    Settings,
    /// Everything that the session holds, its locks too.
    Everything,
}

impl Reset {
    /// Of a statement; `None` where it is another one.
    pub fn of(piece: &Piece<'_>) -> Option<Self> {
        // `=` ends the words that are kept.
        let tokens = Lexer::new(piece.body, 0).filter(|token| token.kind != TokenKind::Blank && token.kind != TokenKind::Semicolon);
        let words: Vec<_> = tokens.take(6).map(|token| token.text.trim_matches('"').to_ascii_lowercase()).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["reset", "search_path"] | ["set", "search_path", "to" | "=", "default"] | ["set", "session", "search_path", "to" | "=", "default"] => {
                Some(Self::SearchPath { local: false })
            }
            ["set", "local", "search_path", "to" | "=", "default"] => Some(Self::SearchPath { local: true }),
            ["reset", "all"] => Some(Self::Settings),
            ["discard", "all"] => Some(Self::Everything),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::split, Reset};

    #[test]
    fn what_takes_settings_back_is_known_in_every_spelling() {
        for (text, expected) in [
            ("RESET search_path;", Some(Reset::SearchPath { local: false })),
            ("reset /* it */ \"search_path\"", Some(Reset::SearchPath { local: false })),
            ("set search_path = default;", Some(Reset::SearchPath { local: false })),
            ("set session search_path to DEFAULT", Some(Reset::SearchPath { local: false })),
            ("set local search_path to default;", Some(Reset::SearchPath { local: true })),
            ("reset all;", Some(Reset::Settings)),
            ("discard all", Some(Reset::Everything)),
            ("discard plans", None),
            ("reset statement_timeout", None),
            ("set search_path = app", None),
            ("set search_path = default, app", None),
            ("select 1", None),
        ] {
            assert_eq!(Reset::of(&split(text).unwrap()[0]), expected, "{text}");
        }
    }
}
