//! Exchange a refresh token for a fresh pair.

use super::{SessionPorts, SessionSettings};
use crate::trail;
use async_trait::async_trait;
use domain::{Action, Caller, Failure};
use ports::driving::{RefreshSession, SessionTokens, UseCase};

/// See [`RefreshSession`].
pub struct RefreshSessionUseCase {
    ports: SessionPorts,
    settings: SessionSettings,
}

impl RefreshSessionUseCase {
    /// Over the session ports.
    pub fn new(ports: SessionPorts, settings: SessionSettings) -> Self {
        Self { ports, settings }
    }
}

#[async_trait]
impl UseCase<RefreshSession> for RefreshSessionUseCase {
    async fn run(&self, caller: &Caller, command: RefreshSession) -> Result<SessionTokens, Failure> {
        let hash = self.ports.refresh_tokens.hash(&command.refresh_token);
        let (successor, successor_hash) = self.ports.refresh_tokens.mint();
        let now = self.ports.clock.now();
        let mut work = self.ports.control_plane.begin().await?;
        let rotated = work.sessions().rotate(&hash, &successor_hash, now, now + self.settings.refresh_lifetime).await?;
        let Some((session_id, user)) = rotated else {
            // Committed all the same: a token used a second time has just ended its session.
            work.commit().await?;
            return Err(Failure::Unauthenticated { reason: "this refresh token is not valid; sign in again" });
        };
        work.audit().record(&trail::done(caller, Action::RefreshSession, None, Some(user.id.to_string()), now)).await?;
        work.commit().await?;
        self.ports.issue(user, session_id, successor)
    }
}
