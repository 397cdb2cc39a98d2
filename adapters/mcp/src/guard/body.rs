//! The body of a request, as long as it is not too long.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use poem::Body;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Why a body could not be had.
pub(crate) enum BodyError {
    /// It is longer than allowed.
    TooLarge,
    /// The connection ended before it did.
    Interrupted,
    /// It comes so slowly that it only keeps a connection busy.
    TooSlow,
}

/// How long nothing may come of a body, and how long one of no length may take.
const STALLED: Duration = Duration::from_secs(30);
/// Bytes a second that have to come, on the average.
const SLOWEST: usize = 4096;

/// Reads a body of at most so many bytes; a longer one is not read to its end. One that came in one piece is not copied.
pub(crate) async fn read_body(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut chunks = std::pin::pin!(body.into_bytes_stream());
    let began = Instant::now();
    let deadline = |received: usize| {
        let too_slow = began + STALLED + Duration::from_secs((received / SLOWEST) as u64);
        too_slow.min(Instant::now() + STALLED)
    };
    let Some(first) = timeout_at(deadline(0), chunks.next()).await.map_err(|_| BodyError::TooSlow)? else { return Ok(Bytes::new()) };
    let first = first.map_err(|_| BodyError::Interrupted)?;
    let mut rest = BytesMut::new();
    let mut length = first.len();
    while length <= limit {
        let Some(chunk) = timeout_at(deadline(length), chunks.next()).await.map_err(|_| BodyError::TooSlow)? else {
            return Ok(if rest.is_empty() { first } else { rest.freeze() });
        };
        let chunk = chunk.map_err(|_| BodyError::Interrupted)?;
        if rest.is_empty() {
            rest.extend_from_slice(&first);
        }
        rest.extend_from_slice(&chunk);
        length += chunk.len();
    }
    Err(BodyError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::read_body;
    use bytes::Bytes;
    use poem::Body;

    fn body(chunks: &[&'static str]) -> Body {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok::<_, std::io::Error>(Bytes::from_static(chunk.as_bytes()))).collect();
        Body::from_bytes_stream(futures_util::stream::iter(chunks))
    }

    #[tokio::test]
    async fn a_body_may_be_as_long_as_the_limit_and_no_longer() {
        for chunks in [&[][..], &["abcdef"], &["abc", "", "def"]] {
            let whole = chunks.concat();
            assert_eq!(read_body(body(chunks), 6).await.ok().unwrap(), whole.as_bytes());
            assert!(whole.is_empty() || read_body(body(chunks), 5).await.is_err());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_only_drips_is_given_up() {
        let dripping = futures_util::stream::unfold((), async |()| {
            tokio::time::sleep(std::time::Duration::from_secs(20)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        });
        let read = read_body(Body::from_bytes_stream(Box::pin(dripping)), 1000).await;
        assert!(matches!(read, Err(super::BodyError::TooSlow)));
    }
}
