//! PostgreSQL's own rules for where a quoted text, a comment or a name ends.

/// What a token is; nobody here has to know more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// White space or a comment.
    Blank,
    /// A keyword or a name that is not quoted.
    Word,
    /// A name in double quotes.
    QuotedName,
    /// A string of any kind.
    Text,
    /// `;`
    Semicolon,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `.`
    Dot,
    /// `\` outside of every quote: a command of psql.
    Backslash,
    /// Anything else.
    Other,
}

/// What was opened and never closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclosed {
    Text,
    QuotedName,
    DollarQuote,
    Comment,
}

/// A token, and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) text: &'a str,
    /// Set where the text ends before the token does.
    pub(crate) unclosed: Option<Unclosed>,
}

impl Token<'_> {
    /// Whether it is this word, in whatever case.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// What it means as a name: lower case unless it is quoted, and no longer than PostgreSQL keeps it.
    pub(crate) fn name(&self) -> Option<String> {
        let mut name = match self.kind {
            TokenKind::Word => self.text.to_ascii_lowercase(),
            TokenKind::QuotedName if self.unclosed.is_none() => self.text[1..self.text.len() - 1].replace("\"\"", "\""),
            _ => return None,
        };
        name.truncate(name.floor_char_boundary(NAME_BYTES));
        Some(name)
    }
}

/// Bytes of a name that PostgreSQL keeps; it cuts the rest off, and tells nobody but by a notice.
const NAME_BYTES: usize = 63;

/// Reads tokens from a text, from any place that is no token's middle.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes().get(self.at + ahead).copied()
    }

    fn skip_while(&mut self, holds: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&holds) {
            self.at += 1;
        }
    }

    /// To the end of the line, which stays.
    fn line_comment(&mut self) {
        self.skip_while(|byte| byte != b'\n' && byte != b'\r');
    }

    /// Comments nest.
    fn block_comment(&mut self) -> Option<Unclosed> {
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return None;
                    }
                }
                (Some(_), _) => self.at += 1,
                (None, _) => return Some(Unclosed::Comment),
            }
        }
    }

    /// From the opening quote on. A doubled quote is one that does not close.
    fn quoted(&mut self, quote: u8, escapes: bool) -> bool {
        self.at += 1;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b'\\'), Some(_)) if escapes => self.at += 2,
                (Some(byte), Some(next)) if byte == quote && next == quote => self.at += 2,
                (Some(byte), _) if byte == quote => {
                    self.at += 1;
                    return true;
                }
                (Some(_), _) => self.at += 1,
                (None, _) => return false,
            }
        }
    }

    /// A string with escapes goes on in the next quotes where only white space with a line's end lies between.
    fn escaped(&mut self) -> Option<Unclosed> {
        loop {
            if !self.quoted(b'\'', true) {
                return Some(Unclosed::Text);
            }
            let end = self.at;
            let mut lines = false;
            loop {
                match (self.peek(0), self.peek(1)) {
                    (Some(byte), _) if is_space(byte) => {
                        lines |= byte == b'\n' || byte == b'\r';
                        self.at += 1;
                    }
                    (Some(b'-'), Some(b'-')) => self.line_comment(),
                    _ => break,
                }
            }
            if !(lines && self.peek(0) == Some(b'\'')) {
                self.at = end;
                return None;
            }
        }
    }

    /// `$tag$`, where there is one here.
    fn dollar_tag(&self) -> Option<&'a str> {
        let rest = &self.bytes()[self.at + 1..];
        let length = rest.iter().position(|byte| *byte == b'$')?;
        let tag = &rest[..length];
        let fits = tag.iter().enumerate().all(|(at, byte)| starts_word(*byte) || (at > 0 && byte.is_ascii_digit()));
        fits.then(|| &self.text[self.at..=self.at + 1 + length])
    }

    fn dollar(&mut self) -> (TokenKind, Option<Unclosed>) {
        let Some(tag) = self.dollar_tag() else {
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
            return (TokenKind::Other, None);
        };
        let body = self.at + tag.len();
        let Some(length) = self.text[body..].find(tag) else {
            self.at = self.text.len();
            return (TokenKind::Text, Some(Unclosed::DollarQuote));
        };
        self.at = body + length + tag.len();
        (TokenKind::Text, None)
    }

    fn single(&mut self, kind: TokenKind) -> (TokenKind, Option<Unclosed>) {
        self.at += 1;
        (kind, None)
    }

    fn read(&mut self, first: u8) -> (TokenKind, Option<Unclosed>) {
        match (first, self.peek(1)) {
            (byte, _) if is_space(byte) => {
                self.skip_while(is_space);
                (TokenKind::Blank, None)
            }
            (b'-', Some(b'-')) => {
                self.line_comment();
                (TokenKind::Blank, None)
            }
            (b'/', Some(b'*')) => (TokenKind::Blank, self.block_comment()),
            (b'\'', _) => (TokenKind::Text, (!self.quoted(b'\'', false)).then_some(Unclosed::Text)),
            (b'"', _) => (TokenKind::QuotedName, (!self.quoted(b'"', false)).then_some(Unclosed::QuotedName)),
            (b'e' | b'E', Some(b'\'')) => {
                self.at += 1;
                (TokenKind::Text, self.escaped())
            }
            (b'$', _) => self.dollar(),
            (b';', _) => self.single(TokenKind::Semicolon),
            (b'(', _) => self.single(TokenKind::Open),
            (b')', _) => self.single(TokenKind::Close),
            (b'.', _) => self.single(TokenKind::Dot),
            (b'\\', _) => self.single(TokenKind::Backslash),
            (byte, _) if starts_word(byte) => {
                self.skip_while(|byte| starts_word(byte) || byte.is_ascii_digit() || byte == b'$');
                (TokenKind::Word, None)
            }
            (byte, _) if byte.is_ascii_digit() => {
                self.skip_while(|byte| byte.is_ascii_digit());
                (TokenKind::Other, None)
            }
            _ => self.single(TokenKind::Other),
        }
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let (kind, unclosed) = self.read(self.peek(0)?);
        Some(Token { kind, start, text: &self.text[start..self.at], unclosed })
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Every byte that is not ASCII may stand in a name: so no token begins or ends inside of a character.
fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::{Lexer, TokenKind};

    fn texts(text: &str) -> Vec<&str> {
        Lexer::new(text, 0).filter(|token| token.kind != TokenKind::Blank).map(|token| token.text).collect()
    }

    #[test]
    fn quotes_end_where_postgresql_says() {
        let cases: [(&str, &[&str]); 12] = [
            ("'it''s' x", &["'it''s'", "x"]),
            (r"'a\' x", &[r"'a\'", "x"]),
            (r"E'a\' x' y", &[r"E'a\' x'", "y"]),
            (r"eE'a\' x", &["eE", r"'a\'", "x"]),
            ("E'a' -- ;'\n 'b\\'c' d", &["E'a' -- ;'\n 'b\\'c'", "d"]),
            ("E'a' 'b\\' d", &["E'a'", "'b\\'", "d"]),
            ("\"a\"\"b\" c", &["\"a\"\"b\"", "c"]),
            ("$$a;$x$$ b", &["$$a;$x$$", "b"]),
            ("$f$ $$ $g$ $f$ b", &["$f$ $$ $g$ $f$", "b"]),
            ("a$b$c", &["a$b$c"]),
            ("$1;$2", &["$1", ";", "$2"]),
            ("/* a /* b */ ; */ c -- ;\nd", &["c", "d"]),
        ];
        for (text, expected) in cases {
            assert_eq!(texts(text), expected, "{text}");
        }
    }
}
