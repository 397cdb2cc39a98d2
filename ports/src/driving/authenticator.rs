//! Who is asking.

use crate::driven::KeyKind;
use async_trait::async_trait;
use domain::{Failure, Principal};
use std::{fmt, sync::Arc};

/// The credentials of one request, as they were sent.
#[derive(Clone, Default)]
pub struct Credentials {
    /// `X-API-Key`.
    pub api_key: Option<String>,
    /// `X-Service-Key`.
    pub service_key: Option<String>,
    /// What follows `Bearer` in `Authorization`: a JSON Web Token, or an API key.
    pub bearer: Option<String>,
}

impl Credentials {
    /// Says which header is right for a credential that came in another one. Nothing is told of whether it is good.
    pub fn misplaced(&self) -> Option<&'static str> {
        // How every JSON Web Token begins: `{"` in base64.
        const TOKEN: &str = "eyJ";
        let begins = |credential: &Option<String>, with: &str| credential.as_deref().is_some_and(|credential| credential.starts_with(with));
        let (api, service) = (KeyKind::Api.secret_prefix(), KeyKind::Service.secret_prefix());
        if begins(&self.api_key, service) || begins(&self.bearer, service) {
            Some("this is a service key: send it in the X-Service-Key header")
        } else if begins(&self.service_key, api) {
            Some("this is an API key: send it in the X-API-Key header")
        } else if begins(&self.api_key, TOKEN) || begins(&self.service_key, TOKEN) {
            Some("this is a token: send it as Authorization: Bearer")
        } else {
            None
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("api_key", &self.api_key.is_some())
            .field("service_key", &self.service_key.is_some())
            .field("bearer", &self.bearer.is_some())
            .finish()
    }
}

/// Turns credentials into a principal.
///
/// # Contract
/// - No credential is [`Failure::Unauthenticated`], or the anonymous principal where that is allowed.
/// - Two credentials at once are refused: which one counts would be a guess.
/// - A revoked or expired key, and a token of ours whose session has ended, is refused at once on the replica that ended it, within a second on every
///   other.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// The principal behind the credentials.
    async fn authenticate(&self, credentials: &Credentials) -> Result<Arc<Principal>, Failure>;
}
