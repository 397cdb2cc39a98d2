//! The first record of a CSV file: which columns its rows have.

/// Why a header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCsvHeader {
    /// The text ends before the record does.
    #[error("the header does not end")]
    Unfinished,
    /// A column without a name.
    #[error("column {0} of the header has no name")]
    NoName(usize),
    /// A column that is named twice.
    #[error("column {0} of the header is named like another")]
    Twice(usize),
    /// Something stands between a closing quote and the comma.
    #[error("column {0} of the header goes on after its closing quote")]
    AfterQuote(usize),
}

/// Reads the names of columns. The text is the file's beginning; what follows the first record does not matter. `whole` tells that there is no more.
pub fn read_csv_header(text: &str, whole: bool) -> Result<Vec<String>, InvalidCsvHeader> {
    let mut columns: Vec<String> = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    loop {
        let place = columns.len() + 1;
        let name = if let Some(quoted) = rest.strip_prefix('"') {
            let (name, after) = quoted_name(quoted).ok_or(InvalidCsvHeader::Unfinished)?;
            rest = after;
            name
        } else {
            let end = rest.find([',', '\n', '\r']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            rest = after;
            name.to_owned()
        };
        if name.is_empty() {
            return Err(InvalidCsvHeader::NoName(place));
        }
        if columns.contains(&name) {
            return Err(InvalidCsvHeader::Twice(place));
        }
        columns.push(name);
        match rest.chars().next() {
            Some(',') => rest = &rest[1..],
            Some('\n' | '\r') => return Ok(columns),
            None if whole => return Ok(columns),
            None => return Err(InvalidCsvHeader::Unfinished),
            Some(_) => return Err(InvalidCsvHeader::AfterQuote(place)),
        }
    }
}

/// The name up to its closing quote, and what follows.
fn quoted_name(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidCsvHeader, read_csv_header};
    use proptest::prelude::*;

    #[test]
    fn names_may_be_quoted() {
        assert_eq!(read_csv_header("\u{feff}id,\"Name, \"\"full\"\"\",c\r\n1,2,3", false).unwrap(), ["id", "Name, \"full\"", "c"]);
        assert_eq!(read_csv_header("id", true).unwrap(), ["id"]);
        for (text, expected) in [
            ("id", InvalidCsvHeader::Unfinished),
            ("a,\"b\n", InvalidCsvHeader::Unfinished),
            ("a,,b\n", InvalidCsvHeader::NoName(2)),
            ("a,a\n", InvalidCsvHeader::Twice(2)),
            ("\"a\"b,c\n", InvalidCsvHeader::AfterQuote(1)),
        ] {
            assert_eq!(read_csv_header(text, false), Err(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), whole in any::<bool>()) {
            let _ = read_csv_header(&text, whole);
        }
    }
}
