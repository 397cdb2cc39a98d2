//! Values of rows in what PostgreSQL says of a failure.

use std::borrow::Cow;

/// A message without the values that it quotes, for whoever may not see the rows: data exceptions (class 22 of SQLSTATE) quote what they do not take
/// (`invalid input syntax for type integer: "Alice"`). Other messages name columns and constraints only, or are what code of the database says.
pub fn without_values<'m>(sqlstate: &str, message: &'m str) -> Cow<'m, str> {
    if !sqlstate.starts_with("22") {
        return Cow::Borrowed(message);
    }
    without_quotes(message)
}

/// The same where no SQLSTATE is told. What speaks of objects keeps their names; anything else might quote a value, in whatever language the server speaks.
pub fn without_likely_values(message: &str) -> Cow<'_, str> {
    let of_values = ["invalid input", "out of range", "malformed", "too long", "cannot be converted", ": \""];
    let of_objects = [
        "does not exist",
        "already exists",
        "violate",
        "unique index",
        "unique constraint",
        "permission denied",
        "null values",
        "must be owner",
        "not populated",
    ];
    let has_one = |signs: &[&str]| signs.iter().any(|sign| message.contains(sign));
    if has_one(&of_objects) && !has_one(&of_values) { Cow::Borrowed(message) } else { without_quotes(message) }
}

/// What values and names stand in, in the languages that PostgreSQL speaks.
const QUOTES: [char; 15] = ['"', '«', '»', '„', '“', '”', '‚', '‘', '’', '‹', '›', '「', '」', '『', '』'];

/// A value may have quotes of its own.
fn without_quotes(message: &str) -> Cow<'_, str> {
    let last = message.char_indices().rfind(|(_, letter)| QUOTES.contains(letter));
    match (message.find(QUOTES), last) {
        (Some(first), Some((last, letter))) => Cow::Owned(format!("{}…{}", &message[..first], &message[last + letter.len_utf8()..])),
        _ => Cow::Borrowed(message),
    }
}

#[cfg(test)]
mod tests {
    use super::{without_likely_values, without_values};

    #[test]
    fn values_are_left_out_and_names_are_not() {
        for (state, message, told) in [
            ("22P02", "invalid input syntax for type integer: \"Al\"ice\"", "invalid input syntax for type integer: …"),
            ("22003", "value \"99999999999\" is out of range for type integer", "value … is out of range for type integer"),
            ("22001", "value too long for type character varying(3)", "value too long for type character varying(3)"),
            ("22P02", "unfinished \"", "unfinished …"),
            ("22P02", "ungültige Eingabesyntax für Typ integer: »Al«ice«", "ungültige Eingabesyntax für Typ integer: …"),
            ("22007", "invalid value \"Alice\" for \"YYYY\"", "invalid value …"),
            ("42P01", "relation \"t\" does not exist", "relation \"t\" does not exist"),
            ("23505", "duplicate key value violates unique constraint \"k\"", "duplicate key value violates unique constraint \"k\""),
        ] {
            assert_eq!(without_values(state, message), told);
            assert_eq!(without_likely_values(message), told, "without its SQLSTATE");
        }
        let said = "pg_restore: error: could not execute query: ERROR:  relation \"t\" does not exist";
        assert_eq!(without_likely_values(said), said);
        let said = "invalid input syntax for type integer: \"she does not exist\"";
        assert_eq!(without_likely_values(said), "invalid input syntax for type integer: …");
    }
}
