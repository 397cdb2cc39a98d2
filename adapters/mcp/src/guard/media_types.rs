//! The media types that a request sends and takes.

use http::{HeaderMap, header};

/// Whether the message is declared as JSON. A browser cannot send that across origins without asking first.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let value = values.next().and_then(|value| value.to_str().ok());
    values.next().is_none() && value.is_some_and(|value| essence(value).eq_ignore_ascii_case("application/json"))
}

/// Whether the client takes JSON, which is all that is ever answered. One that does not say takes anything.
pub(crate) fn accepts_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
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
    use super::{accepts_json, is_json};
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
    fn json_must_be_among_what_is_taken() {
        assert!(accepts_json(&HeaderMap::new()));
        for taken in ["application/json, text/event-stream", "*/*", "text/html, application/*;q=0.1"] {
            assert!(accepts_json(&header("accept", taken)), "{taken}");
        }
        for other in ["text/event-stream", "text/html", "application/xml"] {
            assert!(!accepts_json(&header("accept", other)), "{other}");
        }
    }
}
