//! One way to print what PostgreSQL prints in two: a cast of an array is a cast of each element once it was dumped and restored.

use crate::lexer::{Lexer, TokenKind};

/// Rewrites `(ARRAY[a, b])::t[]` to `ARRAY[(a)::t, (b)::t]`, which is what it becomes by a dump and a restore, and means the same. What reads like it
/// within a string constant or a routine's body is none: there it is a value, or what somebody wrote.
pub(super) fn canonical(definition: &str) -> String {
    let mut text = definition.trim().to_owned();
    let mut from = 0;
    while let Some(at) = next(&text, from) {
        match rewritten(&text[at..]) {
            Some((length, replacement)) => {
                text.replace_range(at..at + length, &replacement);
                from = at + "ARRAY[".len();
            }
            None => from = at + OPENING.len(),
        }
    }
    text
}

const OPENING: &str = "(ARRAY[";

/// Where such a cast may begin, from a place on that is in no string.
fn next(text: &str, from: usize) -> Option<usize> {
    text[from..].find(OPENING)?;
    Lexer::new(text, from).find(|token| token.kind == TokenKind::Open && text[token.start..].starts_with(OPENING)).map(|token| token.start)
}

/// What takes the place of the cast that `text` begins with, and the length of that cast. `None` where it begins with no such cast.
fn rewritten(text: &str) -> Option<(usize, String)> {
    let close = super::sql::find(&text[1..], b']', "ARRAY[".len())? + 1;
    let rest = text[close..].strip_prefix("])::")?;
    let length = rest.find("[]")?;
    let of = &rest[..length];
    let named = of.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | ' '));
    if !named {
        return None;
    }
    let elements = super::sql::split(&text[OPENING.len()..close], ',');
    let cast: Vec<String> = elements.into_iter().map(|element| format!("({})::{of}", element.trim())).collect();
    Some((close + "])::".len() + length + "[]".len(), format!("ARRAY[{}]", cast.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn a_constraint_reads_alike_before_and_after_a_restore() {
        let once = "CHECK (((s)::text = ANY ((ARRAY['a'::character varying, 'b, c'::character varying])::text[])))";
        let restored = "CHECK (((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b, c'::character varying)::text])))";
        assert_eq!(canonical(once), restored);
        assert_eq!(canonical(restored), restored);
        assert_eq!(canonical("('(ARRAY[a])::t[]' = ANY ((ARRAY[(ARRAY[b])::t[]])::u[]))"), "('(ARRAY[a])::t[]' = ANY (ARRAY[(ARRAY[(b)::t])::u]))");
    }

    #[test]
    fn other_arrays_stay_as_they_are() {
        let written = "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$select (ARRAY[a])::text[]$$";
        for text in ["(ARRAY[1, 2])", "x = (ARRAY[1])::f(2)[]", "(ARRAY[", "DEFAULT '(ARRAY[a])::text[]'::text", written] {
            assert_eq!(canonical(text), text);
        }
    }
}
