//! Lists as PostgreSQL reads arrays from text.

/// `{"a","b \"c\""}`: every element in quotes, so that none is taken for NULL or for an array.
pub(in crate::data) fn literal<T: AsRef<str>>(values: &[T]) -> String {
    let mut text = String::from("{");
    for value in values {
        text.push_str(if text.len() == 1 { "\"" } else { ",\"" });
        for c in value.as_ref().chars() {
            if matches!(c, '"' | '\\') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push('"');
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn elements_keep_what_they_are() {
        assert_eq!(literal::<&str>(&[]), "{}");
        assert_eq!(literal(&["1", "", "null", "{x}", r#"a"b\c"#, "a,b"]), r#"{"1","","null","{x}","a\"b\\c","a,b"}"#);
    }
}
