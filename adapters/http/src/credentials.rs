//! Credentials as requests carry them.

use crate::{
    peer::peer,
    problem::{Asker, Problem, refusal},
};
use domain::{Caller, Failure, access::Door};
use http::HeaderMap;
use poem::Request;
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

/// A refusal of what a caller asked for.
pub(crate) fn refused(failure: Failure, caller: &Caller) -> Problem {
    refusal(failure, Asker { request_id: &caller.request_id, kind: Some(caller.principal.kind) })
}
