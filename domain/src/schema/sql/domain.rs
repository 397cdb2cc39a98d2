//! `CREATE DOMAIN` as `pg_dump` writes it.

use super::scan::{find_words, statements};

/// A domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::schema) struct DomainText {
    /// With its schema.
    pub(in crate::schema) name: String,
    /// Base type and collation.
    pub(in crate::schema) base: String,
    pub(in crate::schema) not_null: bool,
    /// Of PostgreSQL 18, where it is not the usual one: the name of what forbids NULL.
    pub(in crate::schema) not_null_name: Option<String>,
    pub(in crate::schema) default: Option<String>,
    /// Name and definition of each.
    pub(in crate::schema) constraints: Vec<(String, String)>,
}

impl DomainText {
    pub(in crate::schema) fn read(definition: &str) -> Option<Self> {
        let [statement] = statements(definition)[..] else { return None };
        let rest = statement.strip_prefix("CREATE DOMAIN ")?;
        let at = find_words(rest, "AS")?;
        let (name, mut rest) = (rest[..at].trim(), rest[at + 2..].trim());
        let mut constraints = Vec::new();
        while let Some(at) = last_words(rest, "CONSTRAINT") {
            let text = rest[at + "CONSTRAINT".len()..].trim();
            let end = find_words(text, "CHECK").or_else(|| find_words(text, "NOT NULL"))?;
            constraints.insert(0, (text[..end].trim().to_owned(), text[end..].trim().to_owned()));
            rest = rest[..at].trim_end();
        }
        let (mut not_null, mut default) = (false, None);
        // They stand in this order: COLLATE, NOT NULL, DEFAULT.
        if let Some(at) = find_words(rest, "DEFAULT") {
            default = Some(rest[at + "DEFAULT".len()..].trim().to_owned());
            rest = rest[..at].trim_end();
        }
        if let Some(at) = find_words(rest, "NOT NULL") {
            not_null = true;
            rest = rest[..at].trim_end();
        }
        // A named NOT NULL is one too.
        let not_null_name = constraints.iter().find(|(_, definition)| definition == "NOT NULL").map(|(name, _)| name.clone());
        constraints.retain(|(_, definition)| definition != "NOT NULL");
        not_null |= not_null_name.is_some();
        Some(Self { name: name.to_owned(), base: rest.to_owned(), not_null, not_null_name, default, constraints })
    }
}

/// Where words stand for the last time.
fn last_words(text: &str, words: &str) -> Option<usize> {
    let (mut found, mut from) = (None, 0);
    while let Some(at) = find_words(&text[from..], words) {
        found = Some(from + at);
        from += at + words.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::DomainText;

    #[test]
    fn every_part_of_a_domain_is_found() {
        let text = "CREATE DOMAIN public.d AS text COLLATE pg_catalog.\"C\" NOT NULL DEFAULT 'x'::text\n\
                    \tCONSTRAINT a CHECK ((VALUE <> ''::text))\n\tCONSTRAINT b CHECK ((length(VALUE) < 9));\n";
        let domain = DomainText::read(text).unwrap();
        assert_eq!((domain.base.as_str(), domain.not_null, domain.default.as_deref()), ("text COLLATE pg_catalog.\"C\"", true, Some("'x'::text")));
        assert_eq!(domain.constraints.len(), 2);
        assert_eq!(domain.constraints[0], ("a".to_owned(), "CHECK ((VALUE <> ''::text))".to_owned()));
        assert_eq!(DomainText::read("CREATE DOMAIN public.e AS integer;").unwrap().constraints, []);
    }
}
