//! Users and their login sessions, in the `auth` schema of main's database.

use super::StoreError;
use async_trait::async_trait;
use domain::{
    page::{Page, PageRequest},
    user::{Email, User, UserId},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// A user with what a password is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredUser {
    /// The user.
    pub user: User,
    /// A PHC string; `None` for those who cannot sign in by password.
    pub password_hash: Option<String>,
}

/// Users.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UserRepository: Send {
    /// Whether accounts can be made here. A foreign `auth` schema is used as it is, and its own sign-up makes its accounts.
    async fn managed(&mut self) -> Result<bool, StoreError>;
    /// Adds a user, a member or not; [`StoreError::Taken`] where the address is.
    async fn insert(&mut self, user: &StoredUser) -> Result<(), StoreError>;
    /// A user by id.
    async fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError>;
    /// A user by address, with its password hash.
    async fn find_by_email(&mut self, email: &Email) -> Result<Option<StoredUser>, StoreError>;
    /// Whether a user is a member. Those whom nobody here has heard of are: another issuer answers for them.
    async fn is_member(&mut self, id: UserId) -> Result<bool, StoreError>;
    /// Makes a user a member, and an administrator where that is asked for: the user as it then is.
    async fn promote(&mut self, id: UserId, admin: bool) -> Result<Option<User>, StoreError>;
    /// Users in the order of their addresses.
    async fn list(&mut self, page: &PageRequest) -> Result<Page<User>, StoreError>;
}

/// Login sessions and their refresh tokens, kept as SHA-256.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SessionRepository: Send {
    /// Begins a session with its first refresh token.
    async fn begin(
        &mut self,
        session: Uuid,
        user: UserId,
        token_hash: &[u8; 32],
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<(), StoreError>;
    /// Uses up a refresh token and puts its successor in its place: the session and its user. `None` where the token is unknown, expired or of an ended
    /// session; a token that was used up before ends its session (commit the unit of work all the same).
    async fn rotate(
        &mut self,
        token_hash: &[u8; 32],
        successor_hash: &[u8; 32],
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Option<(Uuid, User)>, StoreError>;
    /// Ends a session. One that has ended already is no error.
    async fn end(&mut self, session: Uuid, now: OffsetDateTime) -> Result<(), StoreError>;
}
