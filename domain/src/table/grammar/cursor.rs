//! A place in a text, and the limits that hold while it is read.

use super::{
    MAX_DEPTH, MAX_ITEMS, MAX_TEXT,
    error::{GrammarError, GrammarErrorKind, Part},
};

/// What may still be read: several texts of one request share it.
#[derive(Default)]
pub(super) struct Budget {
    items: usize,
    /// How deep the texts stand already.
    pub(super) depth: usize,
}

impl Budget {
    /// Reads a whole text; what the reader leaves over is an error.
    pub(super) fn read<T>(&mut self, text: &str, read: impl FnOnce(&mut Cursor<'_>) -> Result<T, GrammarError>) -> Result<T, GrammarError> {
        let mut cursor = Cursor { text, at: 0, items: self.items, depth: self.depth };
        if text.len() > MAX_TEXT {
            return Err(cursor.error(GrammarErrorKind::TooLong));
        }
        let value = read(&mut cursor)?;
        cursor.expect_end()?;
        self.items = cursor.items;
        Ok(value)
    }
}

/// A place in a text.
pub(super) struct Cursor<'t> {
    text: &'t str,
    /// In bytes, always between two characters.
    at: usize,
    items: usize,
    depth: usize,
}

impl<'t> Cursor<'t> {
    /// What is left.
    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// The next character.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes the next character.
    pub(super) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Takes this text if it is next.
    pub(super) fn eat(&mut self, wanted: &str) -> bool {
        let here = self.rest().starts_with(wanted);
        if here {
            self.at += wanted.len();
        }
        here
    }

    /// Takes this text, which must be next.
    pub(super) fn expect(&mut self, text: &str, wanted: &'static str) -> Result<(), GrammarError> {
        if self.eat(text) { Ok(()) } else { Err(self.expected(wanted)) }
    }

    /// Takes characters as long as they are wanted.
    pub(super) fn take_while(&mut self, mut wanted: impl FnMut(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Takes all that is left.
    pub(super) fn take_rest(&mut self) -> &'t str {
        self.take_while(|_| true)
    }

    /// Passes over white space.
    pub(super) fn skip_space(&mut self) {
        self.take_while(|c| c.is_ascii_whitespace());
    }

    /// Where it is, for [`Self::back_to`] and [`Self::since`].
    pub(super) const fn mark(&self) -> usize {
        self.at
    }

    /// Goes back to a mark.
    pub(super) const fn back_to(&mut self, mark: usize) {
        self.at = mark;
    }

    /// What was taken since a mark.
    pub(super) fn since(&self, mark: usize) -> &'t str {
        &self.text[mark..self.at]
    }

    fn expect_end(&mut self) -> Result<(), GrammarError> {
        self.skip_space();
        if self.rest().is_empty() { Ok(()) } else { Err(self.expected("the end of the text")) }
    }

    /// Counts one more item.
    pub(super) fn count_item(&mut self) -> Result<(), GrammarError> {
        if self.items == MAX_ITEMS {
            return Err(self.error(GrammarErrorKind::TooManyItems));
        }
        self.items += 1;
        Ok(())
    }

    /// Reads something one level deeper. The limit also keeps the stack small, since readers call each other.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, GrammarError>) -> Result<T, GrammarError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(GrammarErrorKind::TooDeep));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// Reads one thing after another, with commas between.
    pub(super) fn separated<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T, GrammarError>) -> Result<Vec<T>, GrammarError> {
        let mut all = Vec::new();
        loop {
            self.skip_space();
            self.count_item()?;
            all.push(read(self)?);
            self.skip_space();
            if !self.eat(",") {
                return Ok(all);
            }
        }
    }

    /// An error here: something else should be next.
    pub(super) fn expected(&self, wanted: &'static str) -> GrammarError {
        self.error(GrammarErrorKind::Expected { wanted, found: self.peek() })
    }

    /// An error here.
    pub(super) fn error(&self, kind: GrammarErrorKind) -> GrammarError {
        self.error_at(self.at, kind)
    }

    /// An error at a mark.
    pub(super) fn error_at(&self, mark: usize, kind: GrammarErrorKind) -> GrammarError {
        GrammarError { kind, position: self.text[..mark].chars().count(), part: Part::Value }
    }
}
