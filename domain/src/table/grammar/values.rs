//! Values: in quotes, in lists, in braces, or as they stand.

use super::{
    cursor::Cursor,
    error::{GrammarError, GrammarErrorKind},
};

/// `"a \"quoted\" text"`: a backslash takes the next character as it is. Nothing is taken where the quotes do not end.
pub(super) fn quoted(cursor: &mut Cursor<'_>) -> Option<String> {
    let start = cursor.mark();
    let text = cursor.eat("\"").then(|| quoted_rest(cursor)).flatten();
    if text.is_none() {
        cursor.back_to(start);
    }
    text
}

fn quoted_rest(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut text = String::new();
    loop {
        match cursor.bump()? {
            '"' => return Some(text),
            '\\' => text.push(cursor.bump()?),
            other => text.push(other),
        }
    }
}

/// A value within a group, where a comma or a parenthesis ends it: `plain`, `"quoted, (as needed)"`, `{an,array}`.
pub(super) fn in_group(cursor: &mut Cursor<'_>) -> Result<String, GrammarError> {
    if let Some(text) = quoted_member(cursor) {
        return Ok(text);
    }
    if cursor.peek() == Some('{') {
        return in_braces(cursor);
    }
    Ok(plain_member(cursor))
}

/// A quoted value, if it is all there is up to the next comma or parenthesis. Otherwise quotes are characters like any other.
///
/// This takes linear time although it goes back: the next member that begins with a quote ends the search of this one.
fn quoted_member(cursor: &mut Cursor<'_>) -> Option<String> {
    let start = cursor.mark();
    let text = quoted(cursor)?;
    cursor.skip_space();
    if matches!(cursor.peek(), None | Some(',' | ')')) {
        return Some(text);
    }
    cursor.back_to(start);
    None
}

fn plain_member(cursor: &mut Cursor<'_>) -> String {
    cursor.take_while(|c| !matches!(c, ',' | ')')).to_owned()
}

/// `{..}` with all its commas, braces within braces, and quotes: the text of an array or of a JSON object, kept as it is.
fn in_braces(cursor: &mut Cursor<'_>) -> Result<String, GrammarError> {
    const UNCLOSED: &str = "a closing brace (or put the value in double quotes)";
    let start = cursor.mark();
    let (mut open, mut in_quotes) = (0_usize, false);
    loop {
        match cursor.bump().ok_or_else(|| cursor.expected(UNCLOSED))? {
            '\\' => {
                cursor.bump();
            }
            '"' => in_quotes = !in_quotes,
            '{' if !in_quotes => open += 1,
            '}' if !in_quotes => open -= 1,
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
    let text = cursor.since(start).to_owned();
    cursor.skip_space();
    match cursor.peek() {
        None | Some(',' | ')') => Ok(text),
        Some(_) => Err(cursor.expected("',' or ')' behind the closing brace (or put the value in double quotes)")),
    }
}

/// `(a,"b,c",)`: what `in` takes. `()` is an empty list, `("")` one empty text.
pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<Vec<String>, GrammarError> {
    cursor.skip_space();
    cursor.expect("(", "a list in parentheses, such as '(1,2,3)'")?;
    cursor.skip_space();
    let mut values = Vec::new();
    if cursor.eat(")") {
        return Ok(values);
    }
    loop {
        values.push(list_member(cursor));
        if !cursor.eat(",") {
            cursor.expect(")", "',' or ')' at the end of the list")?;
            return Ok(values);
        }
    }
}

/// White space belongs to a plain member, as in `PostgREST`; around a quoted one it does not count.
fn list_member(cursor: &mut Cursor<'_>) -> String {
    let start = cursor.mark();
    cursor.skip_space();
    quoted_member(cursor).unwrap_or_else(|| {
        cursor.back_to(start);
        plain_member(cursor)
    })
}

/// `{a,"b,c"}`: an array of PostgreSQL with one dimension, which quantifiers take.
pub(super) fn array(cursor: &mut Cursor<'_>) -> Result<Vec<String>, GrammarError> {
    cursor.skip_space();
    cursor.expect("{", "a list in braces, such as '{1,2,3}'")?;
    cursor.skip_space();
    let mut values = Vec::new();
    if cursor.eat("}") {
        return Ok(values);
    }
    loop {
        cursor.skip_space();
        values.push(array_member(cursor)?);
        cursor.skip_space();
        if !cursor.eat(",") {
            cursor.expect("}", "',' or '}' in the list")?;
            return Ok(values);
        }
    }
}

fn array_member(cursor: &mut Cursor<'_>) -> Result<String, GrammarError> {
    if cursor.peek() == Some('"') {
        return quoted(cursor).ok_or_else(|| cursor.expected("a value that ends with a double quote"));
    }
    let start = cursor.mark();
    let (mut value, mut kept) = (String::new(), 0);
    while let Some(c) = cursor.peek().filter(|c| !matches!(c, ',' | '{' | '}' | '"')) {
        cursor.bump();
        if c == '\\' {
            value.push(cursor.bump().ok_or_else(|| cursor.expected("a character behind the backslash"))?);
            kept = value.len();
        } else {
            value.push(c);
            if !c.is_ascii_whitespace() {
                kept = value.len();
            }
        }
    }
    value.truncate(kept);
    if value.is_empty() {
        return Err(cursor.expected("a value (an empty one is written \"\")"));
    }
    if cursor.since(start).trim_ascii().eq_ignore_ascii_case("null") {
        return Err(cursor.error_at(start, GrammarErrorKind::NullInList));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::{array, list};
    use crate::table::grammar::{GrammarErrorKind, cursor::Budget};

    #[test]
    fn lists() {
        for (text, expected) in [
            ("()", vec![]),
            ("( )", vec![]),
            ("(\"\")", vec![""]),
            ("(1,2,3)", vec!["1", "2", "3"]),
            ("(a b, c )", vec!["a b", " c "]),
            (r#"("a,b",c)"#, vec!["a,b", "c"]),
            (r#"("a", "b" )"#, vec!["a", "b"]),
            (r#"("a\"b","c\\d","(e)")"#, vec!["a\"b", "c\\d", "(e)"]),
            ("(,)", vec!["", ""]),
            (r#"("a"b,c"d)"#, vec!["\"a\"b", "c\"d"]),
            (r#"("a)"#, vec!["\"a"]),
            ("(null,{x},(y)", vec!["null", "{x}", "(y"]),
        ] {
            assert_eq!(Budget::default().read(text, list), Ok(expected.into_iter().map(str::to_owned).collect()), "{text}");
        }
        for text in ["", "1,2", "(", "(1", "(1,", "(1)2", "(1),(2)"] {
            assert!(Budget::default().read(text, list).is_err(), "{text}");
        }
    }

    #[test]
    fn arrays() {
        for (text, expected) in [
            ("{}", vec![]),
            ("{ }", vec![]),
            ("{a, b c ,d}", vec!["a", "b c", "d"]),
            (r#"{"a,b","c}d","", "null" }"#, vec!["a,b", "c}d", "", "null"]),
            (r"{a\,b,c\ }", vec!["a,b", "c "]),
            (r"{n\ull}", vec!["null"]),
            ("{O*,P%}", vec!["O*", "P%"]),
        ] {
            assert_eq!(Budget::default().read(text, array), Ok(expected.into_iter().map(str::to_owned).collect()), "{text}");
        }
        for text in ["", "a", "{", "{a", "{a,", "{a,}", "{,}", "{\"a}", "{\"a\"b}", "{{a}}", "{a}b", "(a)", "{a\\"] {
            assert!(Budget::default().read(text, array).is_err(), "{text}");
        }
        let error = Budget::default().read("{a, NULL }", array).unwrap_err();
        assert_eq!((error.kind, error.position), (GrammarErrorKind::NullInList, 4));
    }
}
