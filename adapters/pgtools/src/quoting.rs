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
    let end = printed.find('(').unwrap_or(printed.len());
    let dot = printed[..end].find('.').map(|dot| (&printed[..dot], &printed[dot + 1..]));
    let (schema, name) = dot.unwrap_or(("pg_catalog", printed));
    QualifiedName::new(schema, name)
}

/// A comma-separated list of quoted identifiers.
pub(crate) fn idents<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| ident(name)).collect::<Vec<_>>().join(", ")
}

/// A quoted text. Written so that it means the same whatever `standard_conforming_strings` says.
pub(crate) fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

#[cfg(test)]
mod tests {
    use super::{ident, literal};

    #[test]
    fn quotes_are_doubled_and_backslashes_kept() {
        assert_eq!(ident(r#"a"b"#), r#""a""b""#);
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"a\'"), r"E'a\\'''");
    }
}
