//! The media types that a request sends and takes.

use http::{HeaderMap, HeaderValue, header};
use std::borrow::Cow;

/// Whether the message is declared as JSON. A browser cannot send that across origins without asking first.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let value = values.next().and_then(|value| value.to_str().ok());
    values.next().is_none() && value.is_some_and(|value| essence(value).eq_ignore_ascii_case("application/json"))
}

/// The coding that a body was put in, where there is one: none is taken off here.
pub(crate) fn coding(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter().map(HeaderValue::as_bytes);
    codings.find(|coding| !coding.eq_ignore_ascii_case(b"identity")).map(String::from_utf8_lossy)
}

/// Whether the client takes JSON, which is all that is ever answered. One that does not say takes anything.
pub(crate) fn accepts_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::ACCEPT).iter().filter(|value| !value.as_bytes().trim_ascii().is_empty()).peekable();
    values.peek().is_none()
        || values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|range| ["application/json", "application/*", "*/*"].iter().any(|taken| essence(range).eq_ignore_ascii_case(taken)))
}

fn essence(value: &str) -> &str {
    value.split_once(';').map_or(value, |(essence, _)| essence).trim()
}

#[cfg(test)]
mod tests {
    use super::{accepts_json, coding, is_json};
    use http::{HeaderMap, HeaderName};

    fn header(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn only_json_is_json() {
        assert!(is_json(&header("content-type", "Application/JSON; charset=utf-8")));
        for other in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/plain; application/json"] {
            assert!(!is_json(&header("content-type", other)), "{other}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn a_body_in_a_coding_is_told_from_a_plain_one() {
        for (encoding, plain) in [("identity", true), ("Identity", true), ("gzip", false), ("identity, gzip", false), ("", false)] {
            assert_eq!(coding(&header("content-encoding", encoding)).is_none(), plain, "{encoding}");
        }
        assert_eq!(coding(&HeaderMap::new()), None);
    }

    #[test]
    fn json_must_be_among_what_is_taken() {
        assert!(accepts_json(&HeaderMap::new()));
        for taken in ["application/json, text/event-stream", "*/*", "text/html, application/*;q=0.1", "", " "] {
            assert!(accepts_json(&header("accept", taken)), "{taken}");
        }
        for other in ["text/event-stream", "text/html", "application/xml"] {
            assert!(!accepts_json(&header("accept", other)), "{other}");
        }
    }
}
