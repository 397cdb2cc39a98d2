//! Who is asking.

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
/// - A revoked or expired key is refused at once on the replica that revoked it, within a second on every other.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// The principal behind the credentials.
    async fn authenticate(&self, credentials: &Credentials) -> Result<Arc<Principal>, Failure>;
}
