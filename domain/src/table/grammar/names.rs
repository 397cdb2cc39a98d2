//! Names, and paths into JSON.

use super::{
    cursor::Cursor,
    error::{GrammarError, GrammarErrorKind, shortened},
    values,
};
use crate::table::{FieldPath, JsonStep};

/// A name, and whether it was in quotes: then it is no word of the grammar, whatever it says.
pub(super) struct Name {
    pub(super) text: String,
    pub(super) quoted: bool,
}

impl Name {
    /// Whether it is this word of the grammar.
    pub(super) fn is_word(&self, word: &str) -> bool {
        !self.quoted && self.text == word
    }
}

/// `name`, `first-name`, `with spaces`, `"any \"thing\""`.
pub(super) fn name(cursor: &mut Cursor<'_>) -> Result<Name, GrammarError> {
    let name = name_or_empty(cursor)?;
    if name.text.is_empty() {
        return Err(cursor.error(GrammarErrorKind::EmptyName));
    }
    Ok(name)
}

/// As [`name`], but `""` is one too: keys of JSON may be empty.
fn name_or_empty(cursor: &mut Cursor<'_>) -> Result<Name, GrammarError> {
    cursor.skip_space();
    let name = if cursor.peek() == Some('"') {
        let text = values::quoted(cursor).ok_or_else(|| cursor.expected("a name that ends with a double quote"))?;
        Name { text, quoted: true }
    } else {
        Name { text: plain_name(cursor)?.to_owned(), quoted: false }
    };
    cursor.skip_space();
    Ok(name)
}

fn plain_name<'t>(cursor: &mut Cursor<'t>) -> Result<&'t str, GrammarError> {
    let start = cursor.mark();
    cursor.take_while(is_name_char);
    while cursor.mark() > start && dash_within_name(cursor.rest()) {
        cursor.eat("-");
        cursor.take_while(is_name_char);
    }
    let name = cursor.since(start).trim();
    if name.is_empty() {
        return Err(cursor.expected("a name (letters, digits, '_', '$', or anything in double quotes)"));
    }
    Ok(name)
}

/// A dash belongs to a name between two characters of it; `->` does not.
fn dash_within_name(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_name_char))
}

/// What a name may have without quotes.
pub(super) fn is_name_char(c: char) -> bool {
    c.is_alphabetic() || c.is_ascii_digit() || matches!(c, '_' | ' ' | '$')
}

/// `a,b,"c d"`
pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<Vec<String>, GrammarError> {
    cursor.separated(|cursor| Ok(name(cursor)?.text))
}

/// `column`, `column->key->>0`.
pub(super) fn field(cursor: &mut Cursor<'_>) -> Result<FieldPath, GrammarError> {
    let column = name(cursor)?.text;
    Ok(FieldPath { column, steps: json_steps(cursor)? })
}

/// `->key->>0`, or nothing.
pub(super) fn json_steps(cursor: &mut Cursor<'_>) -> Result<Vec<JsonStep>, GrammarError> {
    let mut steps = Vec::new();
    loop {
        let as_text = if cursor.eat("->>") {
            true
        } else if cursor.eat("->") {
            false
        } else {
            return Ok(steps);
        };
        cursor.count_item()?;
        steps.push(match (index(cursor)?, as_text) {
            (Some(index), false) => JsonStep::Index(index),
            (Some(index), true) => JsonStep::IndexText(index),
            (None, false) => JsonStep::Key(name_or_empty(cursor)?.text),
            (None, true) => JsonStep::KeyText(name_or_empty(cursor)?.text),
        });
    }
}

/// `0`, `-1`. Digits with more of a name behind them are a key.
fn index(cursor: &mut Cursor<'_>) -> Result<Option<i32>, GrammarError> {
    cursor.skip_space();
    let start = cursor.mark();
    let negative = cursor.eat("-");
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    let number = cursor.since(start);
    cursor.take_while(|c| c == ' ');
    let whole = !digits.is_empty() && !cursor.rest().starts_with(is_name_char) && !dash_within_name(cursor.rest());
    if !whole && negative {
        return Err(cursor.expected("an index; a key that begins with '-' is written in double quotes"));
    }
    if !whole {
        cursor.back_to(start);
        return Ok(None);
    }
    let index = number.parse().map_err(|_| cursor.error_at(start, GrammarErrorKind::BadIndex { given: shortened(number) }))?;
    cursor.skip_space();
    Ok(Some(index))
}

#[cfg(test)]
mod tests {
    use super::{field, name};
    use crate::table::{
        FieldPath,
        JsonStep::{self, Index, IndexText, Key, KeyText},
        grammar::{GrammarErrorKind, MAX_ITEMS, cursor::Budget},
    };

    #[test]
    fn names_are_read_as_postgrest_reads_them() {
        for (text, expected) in [
            ("identifier", "identifier"),
            ("identifier with spaces", "identifier with spaces"),
            ("identifier-with-dashes", "identifier-with-dashes"),
            (" no ends ", "no ends"),
            ("123", "123"),
            ("_", "_"),
            ("$", "$"),
            ("größe", "größe"),
            ("\":\"", ":"),
            ("\" ends \"", " ends "),
            (r#""a\"b\\c\d""#, r#"a"b\cd"#),
            ("\"and\"", "and"),
        ] {
            assert_eq!(Budget::default().read(text, name).map(|name| name.text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", " ", ":", "\"\"", "\"a", "a\"", "'a'", "-a", "a-", "a--b", "a;b", "a.b", "*", "\u{0}", "a/b"] {
            assert!(Budget::default().read(text, name).is_err(), "{text}");
        }
    }

    fn path(column: &str, steps: impl Into<Vec<JsonStep>>) -> FieldPath {
        FieldPath { column: column.to_owned(), steps: steps.into() }
    }

    #[test]
    fn json_paths() {
        for (text, expected) in [
            ("data->a->>b", path("data", [Key("a".into()), KeyText("b".into())])),
            ("data->0->>-1", path("data", [Index(0), IndexText(-1)])),
            ("data->0a", path("data", [Key("0a".into())])),
            ("data->1-a", path("data", [Key("1-a".into())])),
            ("data->\"0\"", path("data", [Key("0".into())])),
            ("data->\"\"", path("data", [Key(String::new())])),
            ("data->\"a.b\"->c d", path("data", [Key("a.b".into()), Key("c d".into())])),
            ("a-b->c-d", path("a-b", [Key("c-d".into())])),
        ] {
            assert_eq!(Budget::default().read(text, field), Ok(expected), "{text}");
        }
        for text in ["data->", "data->>", "data->-", "data->-78xy", "data->--1", "data->99999999999", "->a", "data>a", "data->>>a"] {
            assert!(Budget::default().read(text, field).is_err(), "{text}");
        }
    }

    #[test]
    fn each_step_of_a_path_counts() {
        let path = |steps| format!("data{}", "->a".repeat(steps));
        assert!(Budget::default().read(&path(MAX_ITEMS), field).is_ok());
        let mut budget = Budget::default();
        assert!(budget.read(&path(MAX_ITEMS - 1), field).is_ok());
        assert_eq!(budget.read(&path(2), field).unwrap_err().kind, GrammarErrorKind::TooManyItems);
    }
}
