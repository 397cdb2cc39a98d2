//! The line that ends a CSV file too early: `\.` alone, outside of quotes.

/// Looks through a file piece by piece.
#[derive(Debug)]
pub(super) struct CsvEnd {
    line: u32,
    quoted: bool,
    /// How much of the line is there, while it may still become one.
    begun: Option<Begun>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    Nothing,
    Backslash,
    Dot,
}

impl Default for CsvEnd {
    fn default() -> Self {
        Self { line: 1, quoted: false, begun: Some(Begun::Nothing) }
    }
}

impl CsvEnd {
    /// The line, from 1, where there is one in what was seen by now.
    pub(super) fn find(&mut self, piece: &[u8]) -> Option<u32> {
        for byte in piece {
            let ends = matches!(byte, b'\n' | b'\r') && !self.quoted;
            if ends && self.begun == Some(Begun::Dot) {
                return Some(self.line);
            }
            self.quoted ^= *byte == b'"';
            self.line = self.line.saturating_add(u32::from(*byte == b'\n'));
            self.begun = match (self.begun, byte) {
                _ if ends => Some(Begun::Nothing),
                (Some(Begun::Nothing), b'\\') => Some(Begun::Backslash),
                (Some(Begun::Backslash), b'.') => Some(Begun::Dot),
                _ => None,
            };
        }
        None
    }

    /// The same once all of it was seen.
    pub(super) fn at_the_end(&self) -> Option<u32> {
        (self.begun == Some(Begun::Dot)).then_some(self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::CsvEnd;

    #[test]
    fn the_end_is_a_line_of_its_own_outside_of_quotes() {
        for (text, line) in [
            ("a\n1\n\\.\n2\n", Some(3)),
            ("a\r\n1\r\n\\.\r\n2", Some(3)),
            ("a\n\\.", Some(2)),
            ("a\n\"\\.\"\n", None),
            ("a,b\n1,\"x\n\\.\ny\"\n", None),
            ("a,b\n1,\"it says \"\"\n\\.\n", None),
            ("a\n\\.x\n \\.\n\\..\n1\\.\n", None),
        ] {
            let whole = |mut end: CsvEnd| end.find(text.as_bytes()).or_else(|| end.at_the_end());
            let by_bytes = |mut end: CsvEnd| text.bytes().find_map(|byte| end.find(&[byte])).or_else(|| end.at_the_end());
            assert_eq!((whole(CsvEnd::default()), by_bytes(CsvEnd::default())), (line, line), "{text:?}");
        }
    }
}
