//! Credentials as requests carry them.

use crate::{
    peer::peer,
    problem::{Asker, Problem, refusal},
};
use domain::{Caller, Failure, access::Door};
use http::{HeaderMap, HeaderName, header};
use poem::Request;
use ports::driving::{Authenticator, Credentials};
use std::sync::Arc;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// What Supabase's clients send beside `Authorization`, or in its place.
const SUPABASE_KEY: HeaderName = HeaderName::from_static("apikey");
const SERVICE_KEY: HeaderName = HeaderName::from_static("x-service-key");

/// Takes the credentials out of a request's headers. What is there and cannot be one is refused rather than passed over.
pub fn credentials(headers: &HeaderMap) -> Result<Credentials, Failure> {
    let key = |name, reason| single(headers, &name, reason).map(|value| value.map(str::to_owned));
    let found = Credentials {
        api_key: key(API_KEY, "the X-API-Key header is malformed")?,
        service_key: key(SERVICE_KEY, "the X-Service-Key header is malformed")?,
        bearer: bearer(headers)?,
    };
    if found.api_key.is_some() || found.service_key.is_some() || found.bearer.is_some() {
        // As in Supabase, where `apikey` only opens the gate and `Authorization` says who comes in.
        return Ok(found);
    }
    Ok(Credentials { api_key: key(SUPABASE_KEY, "the apikey header is malformed")?, ..found })
}

fn bearer(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    const MALFORMED: &str = "the Authorization header is malformed; expected 'Bearer' and a token";
    let Some(value) = single(headers, &header::AUTHORIZATION, MALFORMED)? else { return Ok(None) };
    let (scheme, token) = value.split_once(' ').ok_or(Failure::Unauthenticated { reason: MALFORMED })?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains(' ') {
        return Err(Failure::Unauthenticated { reason: MALFORMED });
    }
    Ok(Some(token.to_owned()))
}

fn single<'h>(headers: &'h HeaderMap, name: &HeaderName, reason: &'static str) -> Result<Option<&'h str>, Failure> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    match first.to_str().map(str::trim) {
        Ok(value) if !value.is_empty() && values.next().is_none() => Ok(Some(value)),
        _ => Err(Failure::Unauthenticated { reason }),
    }
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

#[cfg(test)]
mod tests {
    use super::credentials;
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn each_credential_has_its_header() {
        let found =
            credentials(&headers(&[("x-api-key", "fb_pk_1"), ("x-service-key", "sb_service_1"), ("authorization", "bEaReR  a.b.c")])).unwrap();
        assert_eq!(found.api_key.as_deref(), Some("fb_pk_1"));
        assert_eq!(found.service_key.as_deref(), Some("sb_service_1"));
        assert_eq!(found.bearer.as_deref(), Some("a.b.c"));
        let none = credentials(&HeaderMap::new()).unwrap();
        assert!(none.api_key.is_none() && none.service_key.is_none() && none.bearer.is_none());
    }

    #[test]
    fn supabases_header_counts_alone() {
        let alone = credentials(&headers(&[("apikey", "fb_pk_1")])).unwrap();
        assert_eq!(alone.api_key.as_deref(), Some("fb_pk_1"));
        for (bearer, token) in [("Bearer a.b.c", "a.b.c"), ("Bearer fb_pk_1", "fb_pk_1")] {
            let both = credentials(&headers(&[("apikey", "fb_pk_1"), ("authorization", bearer)])).unwrap();
            assert_eq!((both.api_key.as_deref(), both.bearer.as_deref()), (None, Some(token)));
        }
        assert!(credentials(&headers(&[("apikey", " ")])).is_err());
    }

    #[test]
    fn what_cannot_be_a_credential_is_refused() {
        for (name, value) in [
            ("authorization", "Basic YTpi"),
            ("authorization", "Bearer"),
            ("authorization", "Bearer "),
            ("authorization", "Bearer a b"),
            ("authorization", ""),
            ("x-api-key", " "),
        ] {
            assert_eq!(credentials(&headers(&[(name, value)])).unwrap_err().code(), "unauthenticated", "{name}: {value}");
        }
        let mut twice = headers(&[("x-api-key", "a")]);
        twice.append("x-api-key", HeaderValue::from_static("b"));
        assert!(credentials(&twice).is_err());
    }
}
