//! End the caller's session.

use super::SessionPorts;
use crate::trail;
use async_trait::async_trait;
use domain::{Action, Caller, Failure};
use ports::driving::{SignOut, UseCase};

/// See [`SignOut`].
pub struct SignOutUseCase {
    ports: SessionPorts,
}

impl SignOutUseCase {
    /// Over the session ports.
    pub fn new(ports: SessionPorts) -> Self {
        Self { ports }
    }
}

#[async_trait]
impl UseCase<SignOut> for SignOutUseCase {
    async fn run(&self, caller: &Caller, _command: SignOut) -> Result<(), Failure> {
        let session = caller
            .principal
            .session_id
            .ok_or_else(|| Failure::bad_request("no_session", "this credential belongs to no session that could be ended; revoke keys instead"))?;
        let now = self.ports.clock.now();
        let mut work = self.ports.control_plane.begin().await?;
        work.sessions().end(session, now).await?;
        work.audit().record(&trail::done(caller, Action::SignOut, None, None, now)).await?;
        Ok(work.commit().await?)
    }
}
