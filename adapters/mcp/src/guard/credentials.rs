//! The credentials of a request.

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};
use ports::driving::Credentials;

/// What follows from a header that cannot be read as a credential: it was meant as one, so nobody is let in without it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnreadableCredential;

/// Reads the three headers that carry credentials.
pub(crate) fn credentials(headers: &HeaderMap) -> Result<Credentials, UnreadableCredential> {
    Ok(Credentials {
        api_key: single(headers, &HeaderName::from_static("x-api-key"))?,
        service_key: single(headers, &HeaderName::from_static("x-service-key"))?,
        bearer: single(headers, &AUTHORIZATION)?.as_deref().map(bearer).transpose()?,
    })
}

fn single(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, UnreadableCredential> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|value| Some(value.trim().to_owned())).map_err(|_| UnreadableCredential),
        (Some(_), Some(_)) => Err(UnreadableCredential),
    }
}

fn bearer(value: &str) -> Result<String, UnreadableCredential> {
    let (scheme, token) = value.split_once(' ').ok_or(UnreadableCredential)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim().to_owned()) } else { Err(UnreadableCredential) }
}

#[cfg(test)]
mod tests {
    use super::{UnreadableCredential, credentials};
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static [u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn each_header_is_read() {
        let read = credentials(&headers(&[("x-api-key", b"fb_pk_1"), ("x-service-key", b"sb_1"), ("authorization", b"bearer  abc")])).unwrap();
        assert_eq!((read.api_key.as_deref(), read.service_key.as_deref(), read.bearer.as_deref()), (Some("fb_pk_1"), Some("sb_1"), Some("abc")));
    }

    #[test]
    fn what_cannot_be_read_is_never_taken_for_nothing() {
        for pairs in [
            &[("authorization", &b"Basic abc"[..])][..],
            &[("authorization", b"abc")],
            &[("x-api-key", b"\xff")],
            &[("x-api-key", b"a"), ("x-api-key", b"b")],
        ] {
            assert_eq!(credentials(&headers(pairs)).unwrap_err(), UnreadableCredential);
        }
    }
}
