//! Names of tables.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A relation's full name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QualifiedName {
    /// Schema.
    pub schema: String,
    /// Name within it.
    pub name: String,
}

impl QualifiedName {
    /// A name from its two parts.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl QualifiedName {
    /// Reads what [`QualifiedName::written`] wrote.
    pub fn read(text: &str) -> Option<Self> {
        let [schema, name] = <[String; 2]>::try_from(split_names(text)?).ok()?;
        Some(Self { schema, name })
    }

    /// `schema.name`, where a part that holds a dot or a quote stands in double quotes.
    pub fn written(&self) -> String {
        format!("{}.{}", quoted_part(&self.schema), quoted_part(&self.name))
    }
}

/// The parts of a name with dots, without their quotes; `None` where one is empty or a quote has no end.
pub(crate) fn split_names(text: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut characters = text.trim().chars().peekable();
    while let Some(c) = characters.next() {
        let part = parts.last_mut()?;
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => part.extend(characters.next()),
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c => part.push(c),
        }
    }
    (!quoted && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

/// A part of a name with dots.
pub(crate) fn quoted_part(part: &str) -> String {
    if part.contains(['.', '"']) { format!("\"{}\"", part.replace('"', "\"\"")) } else { part.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::QualifiedName;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in [QualifiedName::new("public", "users"), QualifiedName::new("a.b", "c \"d\"")] {
            assert_eq!(QualifiedName::read(&name.written()), Some(name));
        }
        assert_eq!(QualifiedName::new("public", "users").written(), "public.users");
        assert_eq!(QualifiedName::read("users"), None);
    }
}
