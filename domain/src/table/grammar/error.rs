//! What is wrong with a text of the grammar, where, and what would be right.

use crate::table::{Operator, TruthValue, UnknownCast};
use std::fmt;

/// A text that the grammar does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at character {} of the {part})", .position + 1)]
pub struct GrammarError {
    /// What is wrong.
    pub kind: GrammarErrorKind,
    /// Where: so many characters stand before it.
    pub position: usize,
    /// In which part.
    pub part: Part,
}

impl GrammarError {
    /// The text for callers: what is wrong, what would be right, and where.
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// The same error, in the name that a value belongs to.
    pub(super) fn in_name(self) -> Self {
        Self { part: Part::Name, ..self }
    }
}

/// The part of a parameter an error is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its name.
    Name,
    /// Its value.
    Value,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Value => "value",
        })
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrammarErrorKind {
    /// Something else should stand here.
    #[error("expected {wanted}, {}", what_is_there(*.found))]
    Expected {
        /// What should.
        wanted: &'static str,
        /// What does; `None` at the end.
        found: Option<char>,
    },
    /// A value without an operator.
    #[error("expected an operator, a dot and a value, such as 'eq.{given}'; the operators are {}", operators(|_| true))]
    NoOperator {
        /// What is there, shortened.
        given: String,
    },
    /// An operator that does not exist.
    #[error("unknown operator '{given}'{}; the operators are {}", suggestion(*.near), operators(|_| true))]
    UnknownOperator {
        /// What is there, shortened.
        given: String,
        /// What may have been meant.
        near: Option<&'static str>,
    },
    /// Parentheses behind an operator that takes none.
    #[error("'{}' takes neither '(any)' nor '(all)'; these do: {}", .0.name(), operators(Operator::takes_quantifier))]
    NoQuantifier(Operator),
    /// NULL in the list of a quantifier.
    #[error("NULL in a list never equals anything: test for it with 'is.null', or write \"null\" in double quotes for the word")]
    NullInList,
    /// `is` with something else than a truth value.
    #[error("'is' takes {}, not '{given}'", truth_values())]
    UnknownTruth {
        /// What is there, shortened.
        given: String,
    },
    /// A cast to a type that is not in the list.
    #[error(transparent)]
    UnknownCast(#[from] UnknownCast),
    /// A name without a character.
    #[error("a name cannot be empty")]
    EmptyName,
    /// A JSON index out of range.
    #[error("'{given}' is too large for an index")]
    BadIndex {
        /// What is there, shortened.
        given: String,
    },
    /// `relation.select=`.
    #[error("the columns of an embed are written in 'select', such as 'author(name)'; a column of this name is written in double quotes")]
    NestedSelect,
    /// Part of `PostgREST`'s grammar that is not here.
    #[error("{what} are not supported yet")]
    NotSupported {
        /// What.
        what: &'static str,
    },
    /// Groups or embeds too deep in one another.
    #[error("groups and embeds nest at most {} deep", super::MAX_DEPTH)]
    TooDeep,
    /// Too many conditions, select items, order terms, names or steps into JSON.
    #[error("at most {} conditions, columns, order terms and steps into JSON are taken in all", super::MAX_ITEMS)]
    TooManyItems,
    /// Too long a text.
    #[error("a parameter has at most {} bytes", super::MAX_TEXT)]
    TooLong,
}

impl GrammarErrorKind {
    /// An operator that does not exist, with the one that may have been meant.
    pub(super) fn unknown_operator(given: &str) -> Self {
        Self::UnknownOperator { near: near_operator(given), given: shortened(given) }
    }

    /// A cast by a name that no type of the list has.
    pub(super) fn unknown_cast(given: &str) -> Self {
        UnknownCast(shortened(given)).into()
    }
}

/// The beginning of what a caller wrote, so that an error never repeats a long text.
pub(super) fn shortened(given: &str) -> String {
    const SHOWN: usize = 40;
    match given.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &given[..end]),
        None => given.to_owned(),
    }
}

fn what_is_there(found: Option<char>) -> String {
    found.map_or_else(|| "but the text ends".to_owned(), |found| format!("found '{}'", found.escape_debug()))
}

fn suggestion(near: Option<&'static str>) -> String {
    near.map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"))
}

fn operators(which: impl Fn(Operator) -> bool) -> String {
    let names: Vec<_> = Operator::ALL.into_iter().filter(|operator| which(*operator)).map(Operator::name).collect();
    names.join(" ")
}

fn truth_values() -> String {
    TruthValue::ALL.map(TruthValue::name).join(", ")
}

/// How people write operators elsewhere.
const ELSEWHERE: [(&str, &str); 20] = [
    ("=", "eq"),
    ("==", "eq"),
    ("equals", "eq"),
    ("!=", "neq"),
    ("<>", "neq"),
    ("ne", "neq"),
    (">", "gt"),
    (">=", "gte"),
    ("ge", "gte"),
    ("<", "lt"),
    ("<=", "lte"),
    ("le", "lte"),
    ("~", "match"),
    ("~*", "imatch"),
    ("regex", "match"),
    ("contains", "cs"),
    ("overlaps", "ov"),
    ("isnot", "not.is"),
    ("nin", "not.in"),
    ("distinct", "isdistinct"),
];

fn near_operator(given: &str) -> Option<&'static str> {
    const LONGEST: usize = 12;
    if given.len() > LONGEST {
        return None;
    }
    let given = given.trim().to_ascii_lowercase();
    if let Some((_, meant)) = ELSEWHERE.iter().find(|(theirs, _)| *theirs == given) {
        return Some(meant);
    }
    let allowed = if given.len() < 4 { 1 } else { 2 };
    let (distance, nearest) = Operator::ALL.iter().map(|operator| (distance(&given, operator.name()), operator.name())).min()?;
    (distance <= allowed && distance < nearest.len()).then_some(nearest)
}

/// Edits from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<_> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, have) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, want) in to.iter().enumerate() {
            let kept = diagonal + usize::from(have != *want);
            diagonal = row[column + 1];
            row[column + 1] = kept.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{near_operator, shortened};

    #[test]
    fn what_was_meant_is_found() {
        for (given, meant) in [
            ("EQ", Some("eq")),
            ("equals", Some("eq")),
            ("!=", Some("neq")),
            ("ilke", Some("ilike")),
            ("likes", Some("like")),
            ("gtee", Some("gte")),
            ("isdistnict", Some("isdistinct")),
            ("", None),
            ("x", None),
            ("5", None),
            ("between", None),
            ("eq; drop table users", None),
        ] {
            assert_eq!(near_operator(given), meant, "{given}");
        }
    }

    #[test]
    fn long_texts_are_shortened_between_characters() {
        assert_eq!(shortened("abc"), "abc");
        assert_eq!(shortened(&"é".repeat(50)), format!("{}...", "é".repeat(40)));
    }
}
