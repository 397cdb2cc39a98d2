//! Beginning a session: an access token and the first refresh token.

use domain::{Failure, user::User};
use ports::{
    driven::{Clock, ControlPlane, Ids, Passwords, RateLimiter, RefreshTokens, Secret, TokenSubject, Tokens, UnitOfWork},
    driving::SessionTokens,
};
use std::sync::Arc;
use time::Duration;
use uuid::Uuid;

/// What the session use cases need.
#[derive(Clone)]
pub struct SessionPorts {
    /// Users and sessions.
    pub control_plane: Arc<dyn ControlPlane>,
    /// Hashing.
    pub passwords: Arc<dyn Passwords>,
    /// Access tokens.
    pub tokens: Arc<dyn Tokens>,
    /// Refresh tokens.
    pub refresh_tokens: Arc<dyn RefreshTokens>,
    /// Budgets of attempts.
    pub limiter: Arc<dyn RateLimiter>,
    /// Session ids.
    pub ids: Arc<dyn Ids>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// How sessions are held.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    /// How long a refresh token is good.
    pub refresh_lifetime: Duration,
    /// Whether people may make accounts by themselves (`auth.allow_signup`).
    pub allow_signup: bool,
    /// Attempts to sign in from one network in a minute (`auth.sign_in_attempts_per_min`); 0 is any number.
    pub sign_in_attempts_per_minute: u32,
    /// Accounts made from one network in an hour (`auth.sign_ups_per_hour`); 0 is any number.
    pub sign_ups_per_hour: u32,
}

impl SessionPorts {
    /// Begins a session for a user within a unit of work.
    pub(super) async fn begin(&self, work: &mut dyn UnitOfWork, user: User, lifetime: Duration) -> Result<SessionTokens, Failure> {
        let session_id = self.ids.fresh();
        let (refresh_token, hash) = self.refresh_tokens.mint();
        let now = self.clock.now();
        work.sessions().begin(session_id, user.id, &hash, now, now + lifetime).await?;
        self.issue(user, session_id, refresh_token)
    }

    /// The pair that a user holds for a session.
    pub(super) fn issue(&self, user: User, session_id: Uuid, refresh_token: Secret) -> Result<SessionTokens, Failure> {
        let access = self.tokens.issue(&TokenSubject { user: user.clone(), session_id }).map_err(Failure::Internal)?;
        Ok(SessionTokens { access_token: access.token, refresh_token, expires_in: access.expires_in, user })
    }
}
