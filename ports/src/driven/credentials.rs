//! Making and checking secrets.

use async_trait::async_trait;
use domain::{BoxError, Failure, access::Role, user::User};
use std::{fmt, time::Duration};
use time::OffsetDateTime;
use uuid::Uuid;

/// A text that must not be logged. Debug hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one who must have it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The two kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// `fb_pk_...`
    Api,
    /// `sb_service_...`
    Service,
}

impl KeyKind {
    /// As stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Service => "service",
        }
    }

    /// What its secrets begin with.
    pub const fn secret_prefix(self) -> &'static str {
        match self {
            Self::Api => "fb_pk_",
            Self::Service => "sb_service_",
        }
    }
}

/// A fresh key.
#[derive(Clone, Debug)]
pub struct MintedKey {
    /// What its holder sends.
    pub secret: Secret,
    /// The beginning of it, by which it is found.
    pub prefix: String,
    /// SHA-256 of it.
    pub hash: [u8; 32],
}

/// Makes keys and takes them apart.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait KeyMint: Send + Sync {
    /// A fresh key of 256 random bits.
    fn mint(&self, kind: KeyKind) -> MintedKey;
    /// The prefix by which a key that was sent is found; `None` for what cannot be a key of this kind.
    fn prefix_of(&self, kind: KeyKind, secret: &str) -> Option<String>;
    /// Whether a secret has this hash, in constant time.
    fn matches(&self, secret: &str, hash: &[u8; 32]) -> bool;
}

/// Why a password was neither hashed nor checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many others wait for the same.
    #[error("too many passwords are being checked at the moment")]
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// What nobody expected.
    #[error("a password could not be hashed")]
    Broken(#[source] BoxError),
}

impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy { retry_after } => {
                let reason = "too many people are signing in at the moment; try again".to_owned();
                Self::Unavailable { reason, retry_after: Some(retry_after), source: None }
            }
            PasswordError::Broken(cause) => Self::Internal(cause),
        }
    }
}

/// Hashes and checks passwords. Both are slow on purpose and run off the request threads.
///
/// # Contract
/// Only so many run at once, and only so many wait for them, and not for long: who comes when there is no room is told [`PasswordError::Busy`] at once.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Passwords: Send + Sync {
    /// A PHC string (argon2id).
    async fn hash(&self, password: &Secret) -> Result<String, PasswordError>;
    /// Whether the password is right. Without a hash it takes as long and says no, so that nobody learns who has an account.
    async fn verify(&self, password: &Secret, hash: Option<String>) -> Result<bool, PasswordError>;
}

/// A signed token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token.
    pub token: Secret,
    /// Seconds until it expires.
    pub expires_in: u64,
}

/// Whom a token is made for.
#[derive(Clone, Debug)]
pub struct TokenSubject {
    /// The user.
    pub user: User,
    /// The session it belongs to.
    pub session_id: Uuid,
}

/// A token that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenClaims {
    /// Its subject.
    pub sub: Option<String>,
    /// Its role: `anon` or `authenticated`, nothing else.
    pub role: Role,
    /// Its `scope` claim, where it has one: names parted by spaces.
    pub scope: Option<String>,
    /// The session it belongs to, for tokens that this instance made: others have sessions of their own, which nobody here knows.
    pub session_id: Option<Uuid>,
    /// Whether we made it for an administrator.
    pub admin: bool,
    /// When it expires.
    pub expires_at: OffsetDateTime,
    /// All its claims: a JSON object, as text.
    pub claims: String,
}

/// Why a token is refused. The text is public.
#[derive(Debug, thiserror::Error)]
pub enum InvalidToken {
    /// It is not good.
    #[error("{0}")]
    Refused(&'static str),
    /// Its issuer's keys cannot be had now.
    #[error("the token's issuer cannot be reached")]
    KeysUnavailable(#[source] BoxError),
}

/// JSON Web Tokens.
///
/// # Contract
/// - Algorithms are fixed for each key: HS256 for the secret, RS256 and ES256 for a key set. `none` and mixes of them are refused.
/// - Signature, `exp` (required), `nbf`, and issuer and audience where configured are checked.
/// - A role that is neither `anon` nor `authenticated` is refused.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Tokens: Send + Sync {
    /// A token for a user's session.
    fn issue(&self, subject: &TokenSubject) -> Result<AccessToken, BoxError>;
    /// Checks a token.
    async fn verify(&self, token: &str) -> Result<TokenClaims, InvalidToken>;
}

/// Refresh tokens.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait RefreshTokens: Send + Sync {
    /// A fresh one of 256 random bits, and its SHA-256.
    fn mint(&self) -> (Secret, [u8; 32]);
    /// The SHA-256 of one that was sent.
    fn hash(&self, token: &Secret) -> [u8; 32];
}

/// Encryption of secrets at rest (AEAD).
///
/// # Contract
/// [`SecretBox::open`] of [`SecretBox::seal`] with the same purpose is the identity; anything changed, or another purpose, is refused.
pub trait SecretBox: Send + Sync {
    /// Encrypts. `purpose` is bound to the result, so that one secret cannot be put in another's place.
    fn seal(&self, purpose: &str, secret: &Secret) -> Vec<u8>;
    /// Decrypts; `None` where it was not sealed with this key for this purpose.
    fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Secret>;
    /// Tells keys apart without telling anything about them.
    fn fingerprint(&self) -> String;
}
