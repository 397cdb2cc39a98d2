//! Text and bound values of a statement.

use std::{borrow::Cow, fmt::Write};

use domain::table::QualifiedName;

/// A statement's text and the values bound to it.
#[derive(Debug)]
pub(in crate::data) struct Statement<'a> {
    pub(in crate::data) sql: String,
    pub(in crate::data) params: Vec<Cow<'a, str>>,
}

/// The name of a relation within a statement: `_0`, `_1`, ... The first is the table that the request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alias(pub(super) u32);

impl Alias {
    pub(super) const ROOT: Self = Self(0);

    pub(super) fn push(self, out: &mut String) {
        out.push('_');
        push_number(out, self.0);
    }
}

/// The values bound so far.
#[derive(Debug, Default)]
pub(super) struct Params<'a> {
    values: Vec<Cow<'a, str>>,
    bytes: usize,
}

impl<'a> Params<'a> {
    /// Binds a value and writes `$n` for it.
    pub(super) fn bind(&mut self, out: &mut String, value: impl Into<Cow<'a, str>>) {
        let value = value.into();
        self.bytes += value.len();
        self.values.push(value);
        out.push('$');
        push_number(out, self.values.len());
    }

    /// The bytes of all of them.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn into_vec(self) -> Vec<Cow<'a, str>> {
        self.values
    }
}

pub(super) fn push_number(out: &mut String, number: impl std::fmt::Display) {
    write!(out, "{number}").expect("a string takes everything");
}

/// A name in double quotes.
pub(super) fn push_identifier(out: &mut String, name: &str) {
    out.push('"');
    if name.contains('"') {
        out.push_str(&name.replace('"', "\"\""));
    } else {
        out.push_str(name);
    }
    out.push('"');
}

pub(super) fn push_relation(out: &mut String, name: &QualifiedName) {
    push_identifier(out, &name.schema);
    out.push('.');
    push_identifier(out, &name.name);
}

/// Writes a separator before every item but the first.
pub(super) fn push_separated(out: &mut String, separator: &str) {
    if !out.is_empty() {
        out.push_str(separator);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_name_is_doubled() {
        let mut out = String::new();
        push_relation(&mut out, &QualifiedName::new("a\"; drop", "b\"\""));
        assert_eq!(out, r#""a""; drop"."b""""""#);
    }
}
