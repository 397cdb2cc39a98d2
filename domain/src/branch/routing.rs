//! How a request says which branch it means.

use super::{BranchId, Slug};
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

/// A branch as a request named it, at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mention {
    place: MentionPlace,
    /// `None` where the text is no slug and nobody has looked up yet whose id it is.
    slug: Option<Slug>,
    /// The text reads as an id. It is a slug after all where no branch has that id.
    id: Option<BranchId>,
}

impl Mention {
    fn read(place: MentionPlace, raw: &str) -> Option<Self> {
        const ID_LENGTH: usize = 36;
        let slug = raw.parse().ok();
        let id = Some(raw).filter(|raw| raw.len() == ID_LENGTH).and_then(|raw| raw.parse().ok());
        (slug.is_some() || id.is_some()).then_some(Self { place, slug, id })
    }

    /// As it was written: who is refused learns no other name of a branch.
    fn text(&self) -> String {
        self.id.map(|id| id.to_string()).or_else(|| self.slug.as_ref().map(Slug::to_string)).unwrap_or_default()
    }
}

/// Every branch that a request named, in the order they were met. Two that differ contradict each other.
///
/// A branch is named by its slug or by its id. Whose id it is has to be looked up: [`Self::ids`] are to be settled before the branch is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BranchMentions(Vec<Mention>);

impl BranchMentions {
    /// Nothing named: main is meant, or the branch that the key is pinned to.
    pub const NONE: Self = Self(Vec::new());

    /// Adds what was written at one place; a text that is neither a slug nor an id names no branch that could exist.
    pub fn add(&mut self, place: MentionPlace, raw: &str) -> Result<(), Failure> {
        self.0.push(Mention::read(place, raw).ok_or_else(|| Failure::not_found("branch", raw))?);
        Ok(())
    }

    /// What reads as an id.
    pub fn ids(&self) -> Vec<BranchId> {
        self.0.iter().filter_map(|mention| mention.id).collect()
    }

    /// Says whose id one of [`Self::ids`] is.
    pub fn settle(&mut self, id: BranchId, slug: &Slug) {
        for mention in self.0.iter_mut().filter(|mention| mention.id == Some(id)) {
            mention.slug = Some(slug.clone());
        }
    }

    /// The first name that was written, where there is one.
    pub fn named(&self) -> Option<String> {
        self.0.first().map(Mention::text)
    }

    /// The one branch that is meant, given the key's pinned one: `main` where nobody says anything. An id that is nobody's names no branch.
    pub fn resolve(&self, pinned: Option<&Slug>) -> Result<Slug, Failure> {
        let mut first: Option<(&Mention, &Slug)> = None;
        for mention in &self.0 {
            let slug = mention.slug.as_ref().ok_or_else(|| Failure::not_found("branch", mention.text()))?;
            match first {
                None => first = Some((mention, slug)),
                Some((before, meant)) if meant != slug => return Err(mismatch(before, mention.place, &mention.text())),
                Some(_) => {}
            }
        }
        match (first, pinned) {
            (Some((before, meant)), Some(pinned)) if meant != pinned => Err(mismatch(before, MentionPlace::Key, pinned.as_str())),
            (Some((_, meant)), _) | (None, Some(meant)) => Ok(meant.clone()),
            (None, None) => Ok(Slug::main()),
        }
    }

    /// The one branch that is meant, as whoever asks for it may be told where it is found by slug or by id: as [`Self::resolve`] says, or an id as it was
    /// written, and then whether a pinned key may name it is for who finds it to say.
    pub fn reference(&self, pinned: Option<&Slug>) -> Result<String, Failure> {
        let Some(first) = self.0.first().filter(|_| self.has_ids()) else { return self.resolve(pinned).map(|slug| slug.to_string()) };
        match self.0.iter().find(|mention| mention.text() != first.text()) {
            None => Ok(first.text()),
            Some(other) => Err(mismatch(first, other.place, &other.text())),
        }
    }

    /// A text that is the same for the same request, and another one where another branch may be meant.
    pub fn written(&self, pinned: Option<&Slug>) -> Result<String, Failure> {
        if !self.has_ids() {
            return self.resolve(pinned).map(|slug| slug.to_string());
        }
        Ok(self.0.iter().map(Mention::text).collect::<Vec<_>>().join(","))
    }

    fn has_ids(&self) -> bool {
        self.0.iter().any(|mention| mention.id.is_some())
    }
}

fn mismatch(first: &Mention, place: MentionPlace, other: &str) -> Failure {
    let (first_place, first) = (first.place.name(), first.text());
    Failure::bad_request("branch_mismatch", format!("{first_place} says branch '{first}', {} says '{other}'; name one", place.name()))
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
    fn what_can_be_no_branch_is_not_found() {
        for raw in ["No Slug", "", "0b92c3d4e5f64890abcdef1234567890", "0b92c3d4-e5f6-4890-abcd-ef123456789x"] {
            assert_eq!(BranchMentions::NONE.clone().add(MentionPlace::Query, raw).unwrap_err().code(), "not_found", "{raw}");
        }
    }

    fn named(mentions: &[(MentionPlace, &str)]) -> BranchMentions {
        let mut all = BranchMentions::NONE;
        for (place, raw) in mentions {
            all.add(*place, raw).unwrap();
        }
        all
    }

    /// One that no slug begins like, and one that reads as a slug.
    const IDS: [&str; 2] = ["0b92c3d4-e5f6-4890-abcd-ef1234567890", "ab92c3d4-e5f6-4890-abcd-ef1234567890"];

    #[test]
    fn an_id_means_the_branch_whose_it_is() {
        let slug = "pr-1".parse().unwrap();
        for id in IDS {
            let mut mentions = named(&[(MentionPlace::Header, "pr-1"), (MentionPlace::Argument, id)]);
            assert_eq!(mentions.ids().len(), 1);
            mentions.settle(id.parse().unwrap(), &slug);
            assert_eq!(mentions.resolve(Some(&slug)).unwrap(), slug);
            let mut other = named(&[(MentionPlace::Argument, id)]);
            other.settle(id.parse().unwrap(), &"secret-deal".parse().unwrap());
            let refused = other.resolve(Some(&slug)).unwrap_err();
            assert!(refused.code() == "branch_mismatch" && refused.to_string().contains(id) && !refused.to_string().contains("secret"), "{refused}");
        }
    }

    #[test]
    fn an_id_of_nobody_is_a_slug_where_it_reads_as_one() {
        assert_eq!(named(&[(MentionPlace::Query, IDS[0])]).resolve(None).unwrap_err().to_string(), format!("branch '{}' was not found", IDS[0]));
        assert_eq!(named(&[(MentionPlace::Query, IDS[1])]).resolve(None).unwrap().as_str(), IDS[1]);
    }

    #[test]
    fn what_is_not_looked_up_yet_is_told_as_it_was_written() {
        let pinned = "pr-1".parse().unwrap();
        for id in IDS {
            let mentions = named(&[(MentionPlace::Header, id), (MentionPlace::Argument, id)]);
            assert_eq!(mentions.reference(Some(&pinned)).unwrap(), id);
            let mixed = named(&[(MentionPlace::Header, "pr-1"), (MentionPlace::Argument, id)]);
            assert_eq!(mixed.reference(None).unwrap_err().code(), "branch_mismatch");
            assert_eq!(mixed.written(Some(&pinned)).unwrap(), format!("pr-1,{id}"));
        }
        assert_eq!(BranchMentions::NONE.reference(Some(&pinned)).unwrap(), "pr-1");
        assert_eq!(named(&[(MentionPlace::Query, "pr-2")]).written(Some(&pinned)).unwrap_err().code(), "branch_mismatch");
    }
}
