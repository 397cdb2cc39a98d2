//! Why a request did not become rows, and whether a newer catalogue might change that.

use domain::{Denied, Failure, Fault, catalogue::closest};

/// Why a request did not become rows, and whether a newer catalogue might change that.
#[derive(Debug)]
pub(in crate::data) struct Refusal {
    pub(in crate::data) failure: Failure,
    pub(in crate::data) doubt: Doubt,
}

/// Whether the catalogue may be out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Doubt {
    /// It has nothing to do with it.
    None,
    /// It lacks a name, or PostgreSQL lacks one that it has.
    NameUnknown,
    /// A column may have another type by now.
    TypeMistaken,
}

impl Refusal {
    pub(super) fn unknown(failure: impl Into<Failure>) -> Self {
        Self { failure: failure.into(), doubt: Doubt::NameUnknown }
    }

    /// A fault that a newer catalogue may not have.
    pub(super) fn unknown_name(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { doubt: Doubt::NameUnknown, ..Self::fault(pointer, message) }
    }

    pub(super) fn fault(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Failure::from(Fault::new(pointer, message)).into()
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { failure, doubt: Doubt::None }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Failure::from(denied).into()
    }
}

/// `; did you mean 'a' or 'b'?`, or what there is where nothing is like the name.
pub(super) fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    const LISTED: usize = 20;
    let near = closest(name, known.clone());
    if near.is_empty() {
        let listed: Vec<_> = known.clone().take(LISTED).collect();
        let more = if known.count() > LISTED { ", ..." } else { "" };
        return if listed.is_empty() { String::new() } else { format!("; there are {}{more}", listed.join(", ")) };
    }
    let quoted: Vec<_> = near.iter().map(|name| format!("'{name}'")).collect();
    format!("; did you mean {}?", quoted.join(" or "))
}

/// A step of a JSON pointer (RFC 6901).
pub(super) fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
