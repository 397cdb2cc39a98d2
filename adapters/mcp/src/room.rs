//! How much fits into an answer.

use crate::tool::json;
use serde::Serialize;

/// The bytes that are left of an answer.
pub(crate) struct Room(u64);

impl Room {
    /// An answer of so many bytes.
    pub(crate) fn of(bytes: u64) -> Self {
        Self(bytes)
    }

    /// What an answer of so many bytes has left beside what it has in any case.
    pub(crate) fn beside(rest: &impl Serialize, bytes: u64) -> Self {
        Self(bytes.saturating_sub(json(rest).len() as u64))
    }

    /// Takes the room of a value and its comma, where there is so much.
    pub(crate) fn take(&mut self, value: &impl Serialize) -> bool {
        let left = self.0.checked_sub(json(value).len() as u64 + 1);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }

    /// The first values that there is room for, and whether these are all.
    pub(crate) fn hold<T: Serialize>(&mut self, values: impl IntoIterator<Item = T>) -> (Vec<T>, bool) {
        let (mut held, mut all) = (Vec::new(), true);
        for value in values {
            all = self.take(&value);
            if !all {
                break;
            }
            held.push(value);
        }
        (held, all)
    }
}

#[cfg(test)]
mod tests {
    use super::Room;

    #[test]
    fn what_does_not_fit_ends_the_list() {
        let mut room = Room::of(9);
        assert_eq!(room.hold(["ab", "c"]), (vec!["ab", "c"], true));
        assert_eq!(room.hold(["d", ""]), (vec![], false));
        assert_eq!(Room::of(7).hold(["ab", "cde", ""]), (vec!["ab"], false));
        assert_eq!(Room::beside(&"12345", 12).hold(["ab", ""]), (vec!["ab"], false));
        assert_eq!(Room::beside(&"12345", 3).hold([""]), (vec![], false));
    }
}
