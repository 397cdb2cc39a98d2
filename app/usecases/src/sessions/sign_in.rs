//! Start a session by e-mail and password.

use super::{SessionPorts, SessionSettings};
use crate::{trail, users::check_managed};
use async_trait::async_trait;
use domain::{Action, Caller, Failure};
use ports::driving::{SessionTokens, SignIn, UseCase};

/// See [`SignIn`].
pub struct SignInUseCase {
    ports: SessionPorts,
    settings: SessionSettings,
}

impl SignInUseCase {
    /// Over the session ports.
    pub fn new(ports: SessionPorts, settings: SessionSettings) -> Self {
        Self { ports, settings }
    }
}

#[async_trait]
impl UseCase<SignIn> for SignInUseCase {
    async fn run(&self, caller: &Caller, command: SignIn) -> Result<SessionTokens, Failure> {
        let stored = {
            let mut work = self.ports.control_plane.begin().await?;
            check_managed(work.users()).await?;
            work.users().find_by_email(&command.email).await?
        };
        // No transaction is open while the password is checked: that is slow on purpose. It takes as long where there is no such account.
        let hash = stored.as_ref().and_then(|stored| stored.password_hash.clone());
        let right = self.ports.passwords.verify(&command.password, hash).await.map_err(Failure::Internal)?;
        let user = stored.filter(|_| right).ok_or(Failure::Unauthenticated { reason: "e-mail address or password is wrong" })?.user;

        let mut work = self.ports.control_plane.begin().await?;
        let tokens = self.ports.begin(&mut *work, user, self.settings.refresh_lifetime).await?;
        let row = trail::done(caller, Action::SignIn, None, Some(tokens.user.id.to_string()), self.ports.clock.now());
        work.audit().record(&row).await?;
        work.commit().await?;
        Ok(tokens)
    }
}
