//! How a write that must not stand fails by itself, within its own statement.
//!
//! A Sync commits, so a write that touched too many rows has to fail before: by a cast of a text that is no number. The text bears a mark that nobody
//! outside of this process knows, and says what was broken; it comes back in the error's message whatever language that is in.

use std::sync::LazyLock;

use domain::Failure;
use rand::RngExt;

/// Bytes of rows that a write may give back: they are held in memory until it is known to be committed.
pub(super) const LARGEST_ANSWER: u64 = 32 * 1024 * 1024;

const TOO_MANY: &str = "too_many";
const NOT_ONE: &str = "not_one";
const TOO_LARGE: &str = "too_large";

static MARK: LazyLock<String> = LazyLock::new(|| format!("fluxbase:{:032x}:", rand::rng().random::<u128>()));

/// A condition on a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Broken {
    /// It touched more rows than the caller allowed.
    TooMany,
    /// It gives back not exactly one row.
    NotOne,
    /// What it gives back is too large.
    TooLarge,
}

impl Broken {
    const fn word(self) -> &'static str {
        match self {
            Self::TooMany => TOO_MANY,
            Self::NotOne => NOT_ONE,
            Self::TooLarge => TOO_LARGE,
        }
    }

    /// The text to be cast, before the number.
    pub(super) fn text(self) -> String {
        format!("{}{}:", *MARK, self.word())
    }
}

/// The condition that an error message tells of, and the number.
pub(in crate::data) fn broken_guard(message: &str) -> Option<(Broken, u64)> {
    let (_, rest) = message.split_once(MARK.as_str())?;
    let (word, rest) = rest.split_once(':')?;
    let broken = [Broken::TooMany, Broken::NotOne, Broken::TooLarge].into_iter().find(|broken| broken.word() == word)?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    Some((broken, digits.parse().ok()?))
}

impl Broken {
    /// What a caller is told.
    pub(in crate::data) fn failure(self, number: u64, max_affected: Option<u64>) -> Failure {
        match self {
            Self::TooMany => Failure::TooManyAffected { affected: number, max: max_affected.unwrap_or(0) },
            Self::NotOne => Failure::NotSingular { rows: number },
            Self::TooLarge => Failure::TooLarge { what: "what the write would give back", limit: LARGEST_ANSWER },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Broken, broken_guard};

    #[test]
    fn only_our_own_mark_is_believed() {
        let message = |text: &str| format!("invalid input syntax for type integer: \"{text}12\"");
        assert_eq!(broken_guard(&message(&Broken::TooMany.text())), Some((Broken::TooMany, 12)));
        assert_eq!(broken_guard(&message("fluxbase:00000000000000000000000000000000:too_many:")), None);
        assert_eq!(broken_guard(&message("too_many:")), None);
    }
}
