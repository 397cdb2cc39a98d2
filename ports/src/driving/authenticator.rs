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
    /// Takes them out of a request's headers, at every door alike. `values` gives the values of a header by its name, `None` for one that is no text. What
    /// is there and cannot be a credential is refused rather than passed over: it was meant as one.
    ///
    /// Supabase's `apikey` counts as `X-API-Key` where nothing else is there, and is passed over beside others: as in Supabase, where it only opens the
    /// gate and `Authorization` says who comes in.
    pub fn read<'h, V: Iterator<Item = Option<&'h str>>>(values: impl Fn(&'static str) -> V) -> Result<Self, Failure> {
        let key = |name, reason| single(values(name), reason).map(|value| value.map(str::to_owned));
        let found = Self {
            api_key: key("x-api-key", "the X-API-Key header is malformed")?,
            service_key: key("x-service-key", "the X-Service-Key header is malformed")?,
            bearer: single(values("authorization"), MALFORMED_BEARER)?.map(bearer).transpose()?,
        };
        if found.are_some() {
            return Ok(found);
        }
        Ok(Self { api_key: key("apikey", "the apikey header is malformed")?, ..found })
    }

    /// Whether there is any.
    pub const fn are_some(&self) -> bool {
        self.api_key.is_some() || self.service_key.is_some() || self.bearer.is_some()
    }

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

const MALFORMED_BEARER: &str = "the Authorization header is malformed; expected 'Bearer' and a token";

fn single<'h>(mut values: impl Iterator<Item = Option<&'h str>>, reason: &'static str) -> Result<Option<&'h str>, Failure> {
    let Some(first) = values.next() else { return Ok(None) };
    match first.map(str::trim) {
        Some(value) if !value.is_empty() && values.next().is_none() => Ok(Some(value)),
        _ => Err(Failure::Unauthenticated { reason }),
    }
}

fn bearer(value: &str) -> Result<String, Failure> {
    const MALFORMED: Failure = Failure::Unauthenticated { reason: MALFORMED_BEARER };
    let (scheme, token) = value.split_once(' ').ok_or(MALFORMED)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains(' ') {
        return Err(MALFORMED);
    }
    Ok(token.to_owned())
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

#[cfg(test)]
mod tests {
    use super::Credentials;
    use domain::Failure;

    /// The credentials of these headers; a value that is no text is given as nothing.
    fn read(pairs: &[(&str, Option<&str>)]) -> Result<Credentials, Failure> {
        Credentials::read(|name| pairs.iter().filter(move |(header, _)| *header == name).map(|(_, value)| *value))
    }

    #[test]
    fn each_credential_has_its_header() {
        let pairs = [("x-api-key", Some("fb_pk_1")), ("x-service-key", Some("sb_service_1")), ("authorization", Some("bEaReR  a.b.c"))];
        let found = read(&pairs).unwrap();
        assert_eq!(found.api_key.as_deref(), Some("fb_pk_1"));
        assert_eq!(found.service_key.as_deref(), Some("sb_service_1"));
        assert_eq!(found.bearer.as_deref(), Some("a.b.c"));
        assert!(!read(&[]).unwrap().are_some());
    }

    #[test]
    fn supabases_header_counts_alone() {
        assert_eq!(read(&[("apikey", Some("fb_pk_1"))]).unwrap().api_key.as_deref(), Some("fb_pk_1"));
        for (bearer, token) in [("Bearer a.b.c", "a.b.c"), ("Bearer fb_pk_1", "fb_pk_1")] {
            let both = read(&[("apikey", Some("fb_pk_1")), ("authorization", Some(bearer))]).unwrap();
            assert_eq!((both.api_key.as_deref(), both.bearer.as_deref()), (None, Some(token)));
        }
        assert!(read(&[("apikey", Some(" "))]).is_err());
    }

    #[test]
    fn what_cannot_be_a_credential_is_refused() {
        for (name, value) in [
            ("authorization", Some("Basic YTpi")),
            ("authorization", Some("Bearer")),
            ("authorization", Some("Bearer ")),
            ("authorization", Some("Bearer a b")),
            ("authorization", Some("")),
            ("x-api-key", Some(" ")),
            ("x-api-key", None),
            ("x-service-key", None),
        ] {
            assert_eq!(read(&[(name, value)]).unwrap_err().code(), "unauthenticated", "{name}: {value:?}");
        }
        assert!(read(&[("x-api-key", Some("a")), ("x-api-key", Some("b"))]).is_err());
    }
}
