//! Names as they stand in SQL text.

/// A quoted identifier.
pub(in crate::schema) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The name behind an identifier as it is written.
pub(in crate::schema) fn bare(written: &str) -> String {
    let inner = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| written.to_owned(), |inner| inner.replace("\"\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::{bare, ident};

    #[test]
    fn quotes_are_doubled_and_taken_off() {
        assert_eq!(ident(r#"a"b"#), r#""a""b""#);
        assert_eq!((bare("a_1").as_str(), bare(r#""A""b""#).as_str()), ("a_1", "A\"b"));
    }
}
