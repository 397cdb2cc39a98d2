//! Credentials as requests carry them.

use crate::{
    edge::request_id,
    peer::peer,
    problem::{Asker, Problem, refusal},
};
use domain::{Caller, Failure, access::Door};
use http::HeaderMap;
use poem::{FromRequest, Request, RequestBody, Result};
use ports::driving::{Authenticator, Credentials};
use std::sync::Arc;

/// Takes the credentials out of a request's headers. What is there and cannot be one is refused rather than passed over.
pub fn credentials(headers: &HeaderMap) -> Result<Credentials, Failure> {
    Credentials::read(|name| headers.get_all(name).iter().map(|value| value.to_str().ok()))
}

/// The caller behind a request, or the 401 that says what was wrong.
pub(crate) async fn caller(authenticator: &dyn Authenticator, request: &Request, request_id: Arc<str>) -> Result<Caller, Problem> {
    let asked = async { authenticator.authenticate(&credentials(request.headers())?).await };
    match asked.await {
        Ok(principal) => Ok(Caller { principal, request_id, door: Door::Rest, peer: peer(request) }),
        Err(failure) => Err(refusal(failure, Asker { request_id: &request_id, kind: None })),
    }
}

/// The credential that a request showed, for answers that go on long after it was looked at.
pub(crate) struct Shown {
    authenticator: Arc<dyn Authenticator>,
    credentials: Credentials,
}

impl Shown {
    /// Whether it is still good.
    pub(crate) async fn holds(&self) -> Result<(), Failure> {
        self.authenticator.authenticate(&self.credentials).await.map(drop)
    }

    #[cfg(test)]
    pub(crate) fn to(authenticator: impl Authenticator + 'static) -> Self {
        Self { authenticator: Arc::new(authenticator), credentials: Credentials::default() }
    }
}

impl<'a> FromRequest<'a> for Shown {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let found = request.data::<Arc<dyn Authenticator>>().ok_or_else(|| Failure::internal("no authenticator"));
        match found.and_then(|authenticator| Ok(Self { authenticator: Arc::clone(authenticator), credentials: credentials(request.headers())? })) {
            Ok(shown) => Ok(shown),
            Err(failure) => Err(refusal(failure, Asker { request_id: &request_id(request), kind: None }).into()),
        }
    }
}

/// A refusal of what a caller asked for.
pub(crate) fn refused(failure: Failure, caller: &Caller) -> Problem {
    refusal(failure, Asker { request_id: &caller.request_id, kind: Some(caller.principal.kind) })
}
