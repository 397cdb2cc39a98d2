//! People who sign in.

use crate::unseen::is_unseen;
use serde::Serialize;
use time::OffsetDateTime;

crate::identifier! {
    /// A user: the `sub` of its tokens, the value of `auth.uid()` in policies.
    UserId
}

/// A user as administrators see it. Password hashes are not part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// Identity.
    pub id: UserId,
    /// Lower-cased address, unique.
    pub email: String,
    /// Whether the user may administer this instance.
    pub admin: bool,
    /// Whether somebody of the house knows the user: made or promoted by an administrator. Who signed up by themselves may be anybody.
    pub member: bool,
    /// When the user was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// An e-mail address, trimmed and lower-cased: one account per mailbox.
///
/// Only the shape is checked (something, `@`, something with a dot or `localhost`): whether mail arrives is for the mail server to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

/// Why a text is no e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address; expected something like name@example.com, at most 254 characters")]
pub struct InvalidEmail;

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let address = raw.trim().to_lowercase();
        let (name, host) = address.rsplit_once('@').ok_or(InvalidEmail)?;
        // Whoever reads the address to promote its user would read another one.
        let plain = |c: char| !c.is_whitespace() && !is_unseen(c);
        let host_is_well_formed =
            host.split('.').all(|label| !label.is_empty()) && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
        if name.is_empty() || name.contains('@') || address.len() > 254 || !name.chars().all(plain) || !host_is_well_formed {
            return Err(InvalidEmail);
        }
        Ok(Self(address))
    }
}

#[cfg(test)]
mod tests {
    use super::Email;

    #[test]
    fn an_address_is_trimmed_and_lower_cased() {
        assert_eq!(" Alice@Example.COM ".parse::<Email>().unwrap().as_str(), "alice@example.com");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for raw in ["al\u{200b}ice@example.com", "\u{202e}ecila@example.com", "al\u{ad}ice@example.com"] {
            assert!(raw.parse::<Email>().is_err(), "{raw:?}");
        }
        for raw in ["", "alice", "@example.com", "a@", "a b@example.com", "a@b@c.de", "a@exa mple.com", "a@example..com"] {
            assert!(raw.parse::<Email>().is_err(), "{raw:?}");
        }
    }
}
