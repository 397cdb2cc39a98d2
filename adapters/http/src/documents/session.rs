//! Users and their sessions in JSON.

use domain::user::User;
use poem_openapi::Object;
use ports::driving::SessionTokens;
use time::OffsetDateTime;
use uuid::Uuid;

/// A user.
#[derive(Object)]
#[oai(rename = "User")]
pub(crate) struct UserDocument {
    /// Identity: the `sub` of its tokens, the value of `auth.uid()` in policies.
    pub(crate) id: Uuid,
    /// Its address.
    pub(crate) email: String,
    /// Whether it may administer this instance.
    pub(crate) admin: bool,
    /// Whether an administrator made it or promoted it. Who signed up by themselves may not make full clones.
    pub(crate) member: bool,
    /// When it was made.
    pub(crate) created_at: OffsetDateTime,
}

/// What a signed-in user holds.
#[derive(Object)]
#[oai(rename = "Session")]
pub(crate) struct SessionDocument {
    /// A JSON Web Token, to be sent as `Authorization: Bearer`.
    pub(crate) access_token: String,
    /// Always `bearer`.
    pub(crate) token_type: String,
    /// Seconds until the access token expires.
    pub(crate) expires_in: u64,
    /// What gets the next pair of tokens. It is good once.
    pub(crate) refresh_token: String,
    /// Who.
    pub(crate) user: UserDocument,
}

impl From<User> for UserDocument {
    fn from(user: User) -> Self {
        Self { id: user.id.as_uuid(), email: user.email, admin: user.admin, member: user.member, created_at: user.created_at }
    }
}

impl From<SessionTokens> for SessionDocument {
    fn from(tokens: SessionTokens) -> Self {
        Self {
            access_token: tokens.access_token.expose().to_owned(),
            token_type: "bearer".to_owned(),
            expires_in: tokens.expires_in,
            refresh_token: tokens.refresh_token.expose().to_owned(),
            user: tokens.user.into(),
        }
    }
}
