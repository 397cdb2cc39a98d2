//! Make an account for oneself.

use super::{SessionPorts, SessionSettings};
use crate::{
    trail,
    users::{check_managed, check_password},
};
use async_trait::async_trait;
use domain::{Action, Caller, Denied, Failure, UserId, user::User};
use ports::{
    driven::StoredUser,
    driving::{SessionTokens, SignUp, UseCase},
};

/// See [`SignUp`].
pub struct SignUpUseCase {
    ports: SessionPorts,
    settings: SessionSettings,
}

impl SignUpUseCase {
    /// Over the session ports.
    pub fn new(ports: SessionPorts, settings: SessionSettings) -> Self {
        Self { ports, settings }
    }
}

#[async_trait]
impl UseCase<SignUp> for SignUpUseCase {
    async fn run(&self, caller: &Caller, command: SignUp) -> Result<SessionTokens, Failure> {
        if !self.settings.allow_signup {
            return Err(Denied::Protected { reason: "sign-up is switched off; an administrator makes accounts".to_owned() }.into());
        }
        check_password(&command.password)?;
        if let (Some(peer), per_hour @ 1..) = (caller.peer, self.settings.sign_ups_per_hour) {
            let reason = "too many accounts were made from this network; wait, or ask an administrator to make one";
            let too_many = |retry_after| Failure::TooManyAttempts { reason, retry_after };
            self.ports.limiter.take_of_hour(&format!("sign_up_from:{peer}"), per_hour).await.map_err(|none| none.into_failure(too_many))?;
        }
        let password_hash = Some(self.ports.passwords.hash(&command.password).await?);
        let now = self.ports.clock.now();
        let user = User {
            id: UserId::from_uuid(self.ports.ids.fresh()),
            email: command.email.as_str().to_owned(),
            admin: false,
            member: false,
            created_at: now,
        };
        let mut work = self.ports.control_plane.begin().await?;
        check_managed(work.users()).await?;
        work.users().insert(&StoredUser { user: user.clone(), password_hash }).await?;
        let tokens = self.ports.begin(&mut *work, user, self.settings.refresh_lifetime).await?;
        work.audit().record(&trail::done(caller, Action::SignUp, None, Some(tokens.user.id.to_string()), now)).await?;
        work.commit().await?;
        Ok(tokens)
    }
}
