//! From a streamed document to a response.

use crate::problem::chain;
use bytes::{Bytes, BytesMut};
use domain::Failure;
use futures_util::stream;
use poem::Body;
use ports::driven::Document;
use std::{error::Error, io, sync::Arc};

/// How much of a document is there before the status is sent: errors up to here are problems, those after it cut the response off.
const HELD_BACK: usize = 1024 * 1024;

/// A document, or its beginning.
pub(super) struct Pulled {
    head: Bytes,
    /// What is still to come.
    rest: Option<Box<dyn Document>>,
    rows: u64,
}

impl Pulled {
    /// Takes as much as is held back. A document that fits comes out whole.
    pub(super) async fn from(mut document: Box<dyn Document>) -> Result<Self, Failure> {
        let head = document.next().await?.unwrap_or_default();
        let Some(second) = document.next().await? else {
            return Ok(Self { head, rows: document.rows(), rest: None });
        };
        let mut joined = BytesMut::with_capacity(head.len() + second.len());
        joined.extend_from_slice(&head);
        joined.extend_from_slice(&second);
        while joined.len() < HELD_BACK {
            match document.next().await? {
                Some(chunk) => joined.extend_from_slice(&chunk),
                None => return Ok(Self { head: joined.freeze(), rows: document.rows(), rest: None }),
            }
        }
        Ok(Self { head: joined.freeze(), rows: document.rows(), rest: Some(document) })
    }

    /// How many rows there are; `None` as long as more may come.
    pub(super) fn rows(&self) -> Option<u64> {
        self.rest.is_none().then_some(self.rows)
    }

    /// The whole document, where it fitted.
    pub(super) fn whole(&self) -> Option<&Bytes> {
        self.rest.is_none().then_some(&self.head)
    }

    /// The body. An error on the way ends the connection: a client must not take a part for the whole.
    pub(super) fn into_body(self, request_id: Arc<str>) -> Body {
        let Some(rest) = self.rest else { return Body::from_bytes(self.head) };
        let state = (Some(self.head), rest, request_id);
        Body::from_bytes_stream(stream::try_unfold(state, |(head, mut rest, request_id)| async move {
            if let Some(head) = head {
                return Ok(Some((head, (None, rest, request_id))));
            }
            match rest.next().await {
                Ok(Some(chunk)) => Ok(Some((chunk, (None, rest, request_id)))),
                Ok(None) => Ok(None),
                Err(failure) => {
                    let cause = failure.source().map(chain);
                    tracing::warn!(request.id = &*request_id, code = failure.code(), cause, "a response was cut off: {failure}");
                    Err(io::Error::other("the response was cut off"))
                }
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{HELD_BACK, Pulled};
    use crate::testing::Chunks;
    use domain::Failure;

    fn big() -> Vec<u8> {
        vec![b' '; HELD_BACK / 2]
    }

    #[tokio::test]
    async fn a_small_document_comes_out_whole() {
        for chunks in [vec![], vec!["[1,2]"], vec!["[1", ",", "2]"]] {
            let expected = chunks.concat();
            let pulled = Pulled::from(Chunks::new(chunks, 2).boxed()).await.unwrap();
            assert_eq!((pulled.rows(), pulled.whole().map(|bytes| bytes.to_vec())), (Some(2), Some(expected.clone().into_bytes())));
            assert_eq!(pulled.into_body("r".into()).into_string().await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_large_document_streams_on() {
        let pulled = Pulled::from(Chunks::new([big(), big(), big()], 3).boxed()).await.unwrap();
        assert_eq!((pulled.rows(), pulled.whole()), (None, None));
        assert_eq!(pulled.into_body("r".into()).into_bytes().await.unwrap().len(), 3 * big().len());
    }

    #[tokio::test]
    async fn an_error_among_what_is_held_back_is_a_failure_and_a_later_one_cuts_the_body_off() {
        let early = Chunks::new(["[1,"], 2).failing(Failure::internal("x")).boxed();
        assert!(Pulled::from(early).await.is_err());
        let late = Chunks::new([big(), big()], 2).failing(Failure::internal("x")).boxed();
        assert!(Pulled::from(late).await.unwrap().into_body("r".into()).into_bytes().await.is_err());
    }
}
