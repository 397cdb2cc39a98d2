//! The credentials of a request.

use domain::Failure;
use http::HeaderMap;
use ports::driving::Credentials;

/// Reads the headers that carry credentials, by the rule of every door.
pub(crate) fn credentials(headers: &HeaderMap) -> Result<Credentials, Failure> {
    Credentials::read(|name| headers.get_all(name).iter().map(|value| value.to_str().ok()))
}
