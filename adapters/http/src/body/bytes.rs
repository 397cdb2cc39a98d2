//! A body's bytes, up to a limit.

use crate::problem::Problem;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::Body;
use std::time::Duration;
use tokio::time::Instant;

/// How long a client may send nothing of a body it began; and as long as this it may take for a body of no length.
const STALLED: Duration = Duration::from_secs(30);
/// Bytes a second that a client has to send, on the average. Who sends less only keeps a connection busy.
const SLOWEST: usize = 4096;

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    if let Some(coding) = headers.get_all(header::CONTENT_ENCODING).iter().find(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(encoded(coding));
    }
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|declared| declared > limit) {
        return Err(too_large(limit));
    }
    let mut chunks = Box::pin(body.into_bytes_stream());
    let mut whole: Option<Bytes> = None;
    let mut joined = BytesMut::new();
    let mut received = 0;
    let began = Instant::now();
    let deadline = |received: usize| {
        let too_slow = began + STALLED + Duration::from_secs((received / SLOWEST) as u64);
        too_slow.min(Instant::now() + STALLED)
    };
    while let Some(chunk) = tokio::time::timeout_at(deadline(received), chunks.next()).await.map_err(|_| stalled())? {
        let chunk = chunk.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "incomplete_body", "the body ended before its end"))?;
        received += chunk.len();
        if received > limit {
            return Err(too_large(limit));
        }
        // Most bodies come in one piece, which need not be copied.
        match whole.take() {
            None if joined.is_empty() => whole = Some(chunk),
            first => {
                joined.reserve(declared.unwrap_or_default().saturating_sub(joined.len()));
                joined.extend_from_slice(&first.unwrap_or_default());
                joined.extend_from_slice(&chunk);
            }
        }
    }
    Ok(whole.unwrap_or_else(|| joined.freeze()))
}

/// Whether a body is JSON by its content type; one without a type is taken for it.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else { return true };
    let essence = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// As RFC 9110 has it: the answer names the codings that are taken.
fn encoded(coding: &HeaderValue) -> Problem {
    let detail = format!("bodies are taken as they are, without Content-Encoding; this one is '{}'", String::from_utf8_lossy(coding.as_bytes()));
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", detail).header(header::ACCEPT_ENCODING, "identity")
}

fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("the body exceeds {limit} bytes"))
}

fn stalled() -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "body_timeout",
        format!("the body came too slowly: nothing for {} s, or less than {SLOWEST} bytes a second", STALLED.as_secs()),
    )
}

#[cfg(test)]
mod tests {
    use super::{is_json, read_body};
    use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
    use poem::Body;
    use std::io;

    fn chunks(chunks: &'static [&'static str]) -> Body {
        Body::from_bytes_stream(futures_util::stream::iter(chunks.iter().map(|chunk| Ok::<_, io::Error>(chunk.as_bytes()))))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let none = HeaderMap::new();
        assert_eq!(read_body(&none, chunks(&[]), 5).await.unwrap(), "");
        assert_eq!(read_body(&none, chunks(&["hello"]), 5).await.unwrap(), "hello");
        assert_eq!(read_body(&none, chunks(&["h", "el", "lo"]), 5).await.unwrap(), "hello");
        for too_long in [&["hello!"][..], &["hel", "lo!"], &["a", "b", "c", "d", "e", "f"]] {
            let body = Body::from_bytes_stream(futures_util::stream::iter(too_long.iter().map(|chunk| Ok::<_, io::Error>(chunk.as_bytes()))));
            assert_eq!(read_body(&none, body, 5).await.unwrap_err().status().as_u16(), 413);
        }
    }

    #[tokio::test]
    async fn a_declared_length_over_the_limit_is_refused_before_anything_is_read() {
        let headers = HeaderMap::from_iter([(http::header::CONTENT_LENGTH, HeaderValue::from_static("6"))]);
        let never = Body::from_bytes_stream(futures_util::stream::pending::<Result<bytes::Bytes, io::Error>>());
        assert_eq!(read_body(&headers, never, 5).await.unwrap_err().status().as_u16(), 413);
    }

    #[tokio::test]
    async fn a_body_in_a_coding_is_not_taken_for_a_plain_one() {
        for (coding, taken) in [("identity", true), ("Identity", true), ("gzip", false), ("br", false), ("identity, gzip", false)] {
            let headers = HeaderMap::from_iter([(http::header::CONTENT_ENCODING, HeaderValue::from_static(coding))]);
            let read = read_body(&headers, chunks(&["{}"]), 5).await.map_err(|problem| problem.status().as_u16());
            assert_eq!(read.map(|_| ()), if taken { Ok(()) } else { Err(415) }, "{coding}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_only_drips_is_given_up() {
        let dripping = futures_util::stream::unfold((), async |()| {
            tokio::time::sleep(std::time::Duration::from_secs(20)).await;
            Some((Ok::<_, io::Error>(bytes::Bytes::from_static(b" ")), ()))
        });
        let dripping = Body::from_bytes_stream(Box::pin(dripping));
        assert_eq!(read_body(&HeaderMap::new(), dripping, 1000).await.unwrap_err().status().as_u16(), 408);
        let slow = futures_util::stream::unfold(0, async |sent| {
            tokio::time::sleep(std::time::Duration::from_secs(20)).await;
            (sent < 10).then(|| (Ok::<_, io::Error>(bytes::Bytes::from(vec![b' '; 100 * 1024])), sent + 1))
        });
        assert_eq!(read_body(&HeaderMap::new(), Body::from_bytes_stream(Box::pin(slow)), 1 << 20).await.unwrap().len(), 10 * 100 * 1024);
    }

    #[test]
    fn json_goes_by_several_names() {
        for (content_type, json) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/vnd.pgrst.object+json", true),
            ("text/csv", false),
            ("text/json", false),
            ("application/x-www-form-urlencoded", false),
        ] {
            assert_eq!(is_json(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])), json, "{content_type}");
        }
        assert!(is_json(&HeaderMap::new()));
    }
}
