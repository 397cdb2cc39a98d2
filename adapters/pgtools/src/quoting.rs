//! Names and values as they stand in SQL text.

use domain::table::QualifiedName;

/// A quoted identifier.
pub(crate) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A quoted relation name.
pub(crate) fn relation(name: &QualifiedName) -> String {
    format!("{}.{}", ident(&name.schema), ident(&name.name))
}

/// The name of an object as PostgreSQL prints it while the search path is `pg_catalog`: without a schema only where it is of that.
pub(crate) fn printed_name(printed: &str) -> QualifiedName {
    let mut quoted = false;
    let parted = printed.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        !quoted && matches!(c, '.' | '(')
    });
    match parted {
        Some((dot, '.')) => QualifiedName::new(unquoted(&printed[..dot]), &printed[dot + 1..]),
        _ => QualifiedName::new("pg_catalog", printed),
    }
}

/// A relation's name as PostgreSQL prints it while the search path is `pg_catalog`.
pub(crate) fn printed_relation(printed: &str) -> QualifiedName {
    let QualifiedName { schema, name } = printed_name(printed);
    QualifiedName { schema, name: unquoted(&name) }
}

/// What a quoted identifier names.
fn unquoted(printed: &str) -> String {
    let inner = printed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| printed.to_owned(), |inner| inner.replace("\"\"", "\""))
}

/// A comma-separated list of quoted identifiers.
pub(crate) fn idents(names: impl IntoIterator<Item: AsRef<str>>) -> String {
    names.into_iter().map(|name| ident(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// A quoted text. Written so that it means the same whatever `standard_conforming_strings` says.
pub(crate) fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

#[cfg(test)]
mod tests {
    use super::{ident, literal, printed_name, printed_relation};
    use domain::table::QualifiedName;

    #[test]
    fn quotes_are_doubled_and_backslashes_kept() {
        assert_eq!(ident(r#"a"b"#), r#""a""b""#);
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"a\'"), r"E'a\\'''");
    }

    #[test]
    fn a_dot_in_quotes_parts_no_schema_from_its_name() {
        for (printed, schema, name) in [
            ("public.notes", "public", "notes"),
            ("int4eq(integer,integer)", "pg_catalog", "int4eq(integer,integer)"),
            ("f(public.mood)", "pg_catalog", "f(public.mood)"),
            (r#""my.app"."a.b"(integer)"#, "my.app", r#""a.b"(integer)"#),
            (r#""my.lib""#, "pg_catalog", r#""my.lib""#),
            (r#""a""b.c".d"#, r#"a"b.c"#, "d"),
        ] {
            assert_eq!(printed_name(printed), QualifiedName::new(schema, name), "{printed}");
        }
        assert_eq!(printed_relation(r#""my.app"."a.""b""#), QualifiedName::new("my.app", r#"a."b"#));
    }
}
