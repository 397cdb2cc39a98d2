//! See one's own account.

use super::SessionPorts;
use async_trait::async_trait;
use domain::{Caller, Denied, Failure, user::User};
use ports::driving::{GetCurrentUser, UseCase};

/// See [`GetCurrentUser`].
pub struct GetCurrentUserUseCase {
    ports: SessionPorts,
}

impl GetCurrentUserUseCase {
    /// Over the session ports.
    pub fn new(ports: SessionPorts) -> Self {
        Self { ports }
    }
}

#[async_trait]
impl UseCase<GetCurrentUser> for GetCurrentUserUseCase {
    async fn run(&self, caller: &Caller, _command: GetCurrentUser) -> Result<User, Failure> {
        let id = caller.principal.user_id.ok_or(Denied::NoUser)?;
        let mut work = self.ports.control_plane.begin().await?;
        work.users().find(id).await?.ok_or_else(|| Failure::not_found("user", id.to_string()))
    }
}
