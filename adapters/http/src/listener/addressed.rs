//! Requests whose head is at odds with HTTP/1.1 where hyper does not mind: which host they are addressed to, and how their body travels.

use crate::problem::Problem;
use http::{HeaderMap, HeaderValue, StatusCode, Version, header, request::Parts};

/// Why a request is not served, whatever it asks for.
pub(super) fn refusal(head: &Parts) -> Option<Problem> {
    if head.version > Version::HTTP_11 {
        return None;
    }
    if !is_addressed(head.version, &head.headers) {
        let detail = "a request of HTTP/1.1 has one Host header, a name or an address with a port where it is not the usual one";
        return Some(Problem::new(StatusCode::BAD_REQUEST, "bad_host", detail));
    }
    let coding = head.headers.get_all(header::TRANSFER_ENCODING).iter().find(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))?;
    let detail = format!("bodies come plain or chunked; this one is '{}'", String::from_utf8_lossy(coding.as_bytes()));
    Some(Problem::new(StatusCode::NOT_IMPLEMENTED, "unsupported_transfer_coding", detail))
}

/// RFC 9112, 3.2: one host, which only HTTP/1.0 may leave out.
fn is_addressed(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host),
        (None, _) => version < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    }
}

/// A name or an address, perhaps a port. An empty one is what a target without a host brings along.
fn is_host(value: &HeaderValue) -> bool {
    let value = value.as_bytes();
    let (name, port) = match value.strip_prefix(b"[") {
        Some(rest) => match rest.iter().position(|byte| *byte == b']') {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => return false,
        },
        None => value.split_at(value.iter().position(|byte| *byte == b':').unwrap_or(value.len())),
    };
    let in_a_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:".contains(byte);
    name.iter().all(in_a_name) && (port.is_empty() || port.strip_prefix(b":").is_some_and(|digits| digits.iter().all(u8::is_ascii_digit)))
}

#[cfg(test)]
mod tests {
    use super::refusal;
    use http::{Request, Version};

    fn refused(version: Version, headers: &[(&str, &str)]) -> Option<u16> {
        let request = headers.iter().fold(Request::builder().version(version), |request, (name, value)| request.header(*name, *value));
        refusal(&request.body(()).unwrap().into_parts().0).map(|problem| problem.status().as_u16())
    }

    #[test]
    fn a_request_of_http_1_1_has_one_host() {
        for host in ["a", "example.com", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST", "example.com:", "pr-1.db.example.com", ""] {
            assert_eq!(refused(Version::HTTP_11, &[("host", host)]), None, "{host}");
        }
        for host in ["a b", "a/b", "user@127.0.0.1", "127.0.0.1:80.evil.example", "[::1", "::1", "a, b", "a:b", "\u{e9}"] {
            assert_eq!(refused(Version::HTTP_11, &[("host", host)]), Some(400), "{host}");
        }
        assert_eq!(refused(Version::HTTP_11, &[]), Some(400));
        assert_eq!(refused(Version::HTTP_11, &[("host", "a"), ("host", "a")]), Some(400));
        assert_eq!(refused(Version::HTTP_10, &[]), None);
        assert_eq!(refused(Version::HTTP_10, &[("host", "a"), ("host", "b")]), Some(400));
        assert_eq!(refused(Version::HTTP_2, &[]), None, "it has its host in the target");
    }

    #[test]
    fn a_body_in_a_transfer_coding_is_not_taken_for_a_plain_one() {
        for (coding, status) in [("chunked", None), ("Chunked", None), ("gzip, chunked", Some(501)), ("gzip", Some(501))] {
            assert_eq!(refused(Version::HTTP_11, &[("host", "a"), ("transfer-encoding", coding)]), status, "{coding}");
        }
    }
}
