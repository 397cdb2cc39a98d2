//! Start a session by e-mail and password.

use super::{SessionPorts, SessionSettings};
use crate::{trail, users::check_managed};
use async_trait::async_trait;
use domain::{Action, Caller, Failure};
use ports::driving::{SessionTokens, SignIn, UseCase};

/// Attempts on one address: more than a person needs who has several devices, and too few to guess a password by.
const ATTEMPTS_PER_MINUTE: u32 = 20;

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
        // By the network, since whoever guesses at one address after the other finds the account with the weakest password.
        if let (Some(peer), per_minute @ 1..) = (caller.peer, self.settings.sign_in_attempts_per_minute) {
            let reason = "too many attempts to sign in from this network; wait, then try again";
            let too_many = |retry_after| Failure::TooManyAttempts { reason, retry_after };
            self.ports.limiter.take(&format!("sign_in_from:{peer}"), per_minute).await.map_err(|none| none.into_failure(too_many))?;
        }
        // By the address, since that is what is guessed at; whether there is such an account makes no difference.
        let budget = format!("sign_in:{}", command.email.as_str());
        let limited = |retry_after| Failure::RateLimited { per_minute: ATTEMPTS_PER_MINUTE, retry_after };
        self.ports.limiter.take(&budget, ATTEMPTS_PER_MINUTE).await.map_err(|none| none.into_failure(limited))?;
        let stored = {
            let mut work = self.ports.control_plane.begin().await?;
            check_managed(work.users()).await?;
            work.users().find_by_email(&command.email).await?
        };
        // No transaction is open while the password is checked: that is slow on purpose. It takes as long where there is no such account.
        let hash = stored.as_ref().and_then(|stored| stored.password_hash.clone());
        let right = self.ports.passwords.verify(&command.password, hash).await?;
        let user = stored.filter(|_| right).ok_or(Failure::Unauthenticated { reason: "e-mail address or password is wrong" })?.user;

        let mut work = self.ports.control_plane.begin().await?;
        let tokens = self.ports.begin(&mut *work, user, self.settings.refresh_lifetime).await?;
        let row = trail::done(caller, Action::SignIn, None, Some(tokens.user.id.to_string()), self.ports.clock.now());
        work.audit().record(&row).await?;
        work.commit().await?;
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::SignInUseCase;
    use crate::{
        sessions::{SessionPorts, SessionSettings},
        testing::{FakeWork, caller},
    };
    use domain::{Caller, Failure};
    use ports::{
        driven::{MockClock, MockIds, MockPasswords, MockRateLimiter, MockRefreshTokens, MockTokens, NoBudget, Secret},
        driving::{SignIn, UseCase},
    };
    use std::{net::IpAddr, sync::Arc, time::Duration};

    /// Ports of which nothing but the limiter is to be reached.
    fn ports(limiter: MockRateLimiter) -> SessionPorts {
        SessionPorts {
            control_plane: FakeWork::default().control_plane(),
            passwords: Arc::new(MockPasswords::new()),
            tokens: Arc::new(MockTokens::new()),
            refresh_tokens: Arc::new(MockRefreshTokens::new()),
            limiter: Arc::new(limiter),
            ids: Arc::new(MockIds::new()),
            clock: Arc::new(MockClock::new()),
        }
    }

    fn settings() -> SessionSettings {
        SessionSettings { refresh_lifetime: time::Duration::HOUR, allow_signup: false, sign_in_attempts_per_minute: 5, sign_ups_per_hour: 5 }
    }

    fn guess() -> SignIn {
        SignIn { email: " A@Example.com".parse().unwrap(), password: Secret::new("guess") }
    }

    #[tokio::test]
    async fn a_network_that_tried_too_often_is_refused_whichever_address_it_tries() {
        let mut limiter = MockRateLimiter::new();
        limiter
            .expect_take()
            .once()
            .withf(|key, limit| key == "sign_in_from:2001:db8::/64" && *limit == 5)
            .returning(|_, _| Err(NoBudget::UsedUp(Duration::from_secs(7))));
        let ports = ports(limiter);
        let from = Caller { peer: Some("2001:db8::1".parse::<IpAddr>().unwrap().into()), ..caller(None, []) };
        let refused = SignInUseCase::new(ports, settings()).run(&from, guess()).await.unwrap_err();
        assert!(matches!(refused, Failure::TooManyAttempts { retry_after, .. } if retry_after == Duration::from_secs(7)), "{refused:?}");
    }

    #[tokio::test]
    async fn an_address_that_was_tried_too_often_is_not_even_looked_up() {
        let mut limiter = MockRateLimiter::new();
        limiter
            .expect_take()
            .once()
            .withf(|key, limit| key == "sign_in:a@example.com" && *limit == 20)
            .returning(|_, _| Err(NoBudget::UsedUp(Duration::from_secs(7))));
        let ports = ports(limiter);
        let refused = SignInUseCase::new(ports, settings()).run(&caller(None, []), guess()).await.unwrap_err();
        assert!(matches!(refused, Failure::RateLimited { per_minute: 20, retry_after } if retry_after == Duration::from_secs(7)), "{refused:?}");
    }
}
