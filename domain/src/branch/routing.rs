//! How a request says which branch it means.

use super::Slug;
use crate::Failure;

/// Where a request named a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MentionPlace {
    /// The `X-Fluxbase-Branch` header.
    Header,
    /// The `branch` query parameter.
    Query,
    /// The host name.
    Subdomain,
    /// A tool's `branch` argument.
    Argument,
    /// The key is pinned to it.
    Key,
}

impl MentionPlace {
    const fn name(self) -> &'static str {
        match self {
            Self::Header => "the X-Fluxbase-Branch header",
            Self::Query => "the branch query parameter",
            Self::Subdomain => "the host name",
            Self::Argument => "the branch argument",
            Self::Key => "the key",
        }
    }
}

/// Every branch that a request named, in the order they were met. Two that differ contradict each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BranchMentions(Vec<(MentionPlace, Slug)>);

impl BranchMentions {
    /// Nothing named: main is meant, or the branch that the key is pinned to.
    pub const NONE: Self = Self(Vec::new());

    /// Adds what was written at one place; a text that is no slug names no branch that could exist.
    pub fn add(&mut self, place: MentionPlace, raw: &str) -> Result<(), Failure> {
        let slug = raw.parse().map_err(|_| Failure::not_found("branch", raw))?;
        self.0.push((place, slug));
        Ok(())
    }

    /// The one branch that is meant, given the key's pinned one: `main` where nobody says anything.
    pub fn resolve(&self, pinned: Option<&Slug>) -> Result<Slug, Failure> {
        let pinned = pinned.map(|slug| (MentionPlace::Key, slug));
        let mut mentions = self.0.iter().map(|(place, slug)| (*place, slug)).chain(pinned);
        let Some((first_place, first)) = mentions.next() else { return Ok(Slug::main()) };
        match mentions.find(|(_, slug)| *slug != first) {
            None => Ok(first.clone()),
            Some((place, other)) => Err(Failure::bad_request(
                "branch_mismatch",
                format!("{} says branch '{first}', {} says '{other}'; name one", first_place.name(), place.name()),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BranchMentions, MentionPlace};

    #[test]
    fn nothing_named_is_main_and_the_same_name_twice_is_one() {
        let mut mentions = BranchMentions::NONE;
        assert!(mentions.resolve(None).unwrap().is_main());
        mentions.add(MentionPlace::Header, "pr-1").unwrap();
        mentions.add(MentionPlace::Query, "pr-1").unwrap();
        assert_eq!(mentions.resolve(Some(&"pr-1".parse().unwrap())).unwrap().as_str(), "pr-1");
    }

    #[test]
    fn a_pinned_key_cannot_be_led_elsewhere() {
        let pinned = "pr-1".parse().unwrap();
        assert_eq!(BranchMentions::NONE.resolve(Some(&pinned)).unwrap(), pinned);
        let mut mentions = BranchMentions::NONE;
        mentions.add(MentionPlace::Argument, "main").unwrap();
        let refused = mentions.resolve(Some(&pinned)).unwrap_err();
        assert_eq!(refused.code(), "branch_mismatch");
        assert!(refused.to_string().contains("the key says 'pr-1'"), "{refused}");
    }

    #[test]
    fn what_can_be_no_slug_is_not_found() {
        assert_eq!(BranchMentions::NONE.clone().add(MentionPlace::Query, "No Slug").unwrap_err().code(), "not_found");
    }
}
