//! `CREATE TYPE` as `pg_dump` writes it.

use super::scan::{find, split, statements};

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::schema) enum TypeText {
    /// An enum, with its labels, quoted.
    Enum { name: String, labels: Vec<String> },
    /// A composite type, with names and types of its attributes.
    Composite { name: String, attributes: Vec<(String, String)> },
    /// A range type.
    Range,
    /// Something in C.
    Base,
}

impl TypeText {
    pub(in crate::schema) fn read(definition: &str) -> Option<Self> {
        let all = statements(definition);
        let rest = all.first()?.strip_prefix("CREATE TYPE ")?;
        let open = find(rest, b'(', 0)?;
        let inner = rest[open + 1..].trim_end().strip_suffix(')')?;
        let head = rest[..open].trim();
        let parts = || split(inner, ',').into_iter().map(str::trim).filter(|part| !part.is_empty());
        Some(if let Some(name) = head.strip_suffix(" AS ENUM") {
            Self::Enum { name: name.to_owned(), labels: parts().map(str::to_owned).collect() }
        } else if head.ends_with(" AS RANGE") {
            Self::Range
        } else if let Some(name) = head.strip_suffix(" AS") {
            // Comments on attributes follow as entries of their own.
            Self::Composite { name: name.to_owned(), attributes: parts().map(attribute).collect::<Option<_>>()? }
        } else {
            Self::Base
        })
    }
}

fn attribute(text: &str) -> Option<(String, String)> {
    let at = match text.strip_prefix('"') {
        Some(rest) => rest.find("\" ")? + 2,
        None => text.find([' ', '\t'])?,
    };
    Some((text[..at].to_owned(), text[at..].trim().to_owned()))
}

/// The statements that make one composite type's attributes another's; `None` where their order could not be had.
pub(in crate::schema) fn composite(name: &str, old: &[(String, String)], new: &[(String, String)]) -> Option<Vec<String>> {
    let has = |list: &[(String, String)], attribute: &str| list.iter().any(|(name, _)| name == attribute);
    let kept = old.iter().filter(|(attribute, _)| has(new, attribute)).map(|(attribute, _)| attribute);
    let added = new.iter().filter(|(attribute, _)| !has(old, attribute)).map(|(attribute, _)| attribute);
    if !kept.chain(added).eq(new.iter().map(|(attribute, _)| attribute)) {
        return None;
    }
    let mut actions: Vec<String> =
        old.iter().filter(|(attribute, _)| !has(new, attribute)).map(|(attribute, _)| format!("DROP ATTRIBUTE {attribute}")).collect();
    for (attribute, type_name) in new {
        match old.iter().find(|(name, _)| name == attribute) {
            None => actions.push(format!("ADD ATTRIBUTE {attribute} {type_name}")),
            Some((_, before)) if before != type_name => actions.push(format!("ALTER ATTRIBUTE {attribute} SET DATA TYPE {type_name}")),
            Some(_) => {}
        }
    }
    Some(actions.into_iter().map(|action| format!("ALTER TYPE {name} {action}")).collect())
}

#[cfg(test)]
mod tests {
    use super::{TypeText, composite};

    #[test]
    fn the_three_that_have_parts_are_told_apart() {
        let labels = vec!["'a'".to_owned(), "'b, c'".to_owned()];
        let read = |text| TypeText::read(text).unwrap();
        assert_eq!(read("CREATE TYPE public.e AS ENUM (\n    'a',\n    'b, c'\n);\n"), TypeText::Enum { name: "public.e".to_owned(), labels });
        assert_eq!(read("CREATE TYPE public.r AS RANGE (\n    subtype = date\n);\n"), TypeText::Range);
        let attributes = vec![("a".to_owned(), "integer".to_owned()), ("\"B c\"".to_owned(), "numeric(3,1)".to_owned())];
        let expected = TypeText::Composite { name: "public.c".to_owned(), attributes };
        assert_eq!(read("CREATE TYPE public.c AS (\n\ta integer,\n\t\"B c\" numeric(3,1)\n);\n"), expected);
        assert_eq!(read("CREATE TYPE public.b (\n    INPUT = f\n);\n"), TypeText::Base);
    }

    #[test]
    fn attributes_are_changed_where_their_order_comes_out_right() {
        let list = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "text".to_owned())).collect::<Vec<_>>();
        let changes = composite("t", &list(&["a", "b"]), &list(&["b", "c"])).unwrap();
        assert_eq!(changes, ["ALTER TYPE t DROP ATTRIBUTE a", "ALTER TYPE t ADD ATTRIBUTE c text"]);
        assert_eq!(composite("t", &list(&["a", "b"]), &list(&["c", "a", "b"])), None);
    }
}
