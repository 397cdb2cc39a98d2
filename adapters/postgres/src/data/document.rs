//! A document that is streamed while the statement runs.

use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{Failure, table::Shape};
use ports::driven::Document;

use super::{
    chunks::{Chunks, Full},
    failure::Deadline,
    json_rows::{JsonPart, JsonRows},
    lent_rows::{Lender, LentRows},
};
use crate::wire::WireError;

/// A document that is streamed while the statement runs. Dropping it cancels what runs.
#[derive(Debug)]
pub(super) struct StreamedDocument {
    rows: LentRows,
    chunks: Chunks,
    deadline: Deadline,
    max_bytes: Option<u64>,
    shape: Shape,
    truncated: bool,
}

/// Whether there is more to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    Yes,
    No,
}

impl StreamedDocument {
    pub(super) fn new(rows: JsonRows, lender: Lender, shape: Shape, max_bytes: Option<u64>, deadline: Deadline) -> Self {
        let rows = LentRows::new(rows, lender, deadline.end());
        Self { rows, chunks: Chunks::new(shape, max_bytes), deadline, max_bytes, shape, truncated: false }
    }

    /// Takes in what came.
    fn take_in(&mut self, part: Result<Option<JsonPart>, WireError>) -> Result<More, Failure> {
        match part {
            Ok(Some(part)) => match self.chunks.add(part) {
                Ok(()) => Ok(More::Yes),
                Err(Full) => self.cut(),
            },
            Ok(None) => {
                self.chunks.end();
                Ok(More::No)
            }
            Err(error) => Err(self.deadline.failure(error)),
        }
    }

    fn cut(&mut self) -> Result<More, Failure> {
        if self.shape == Shape::Singular {
            return Err(Failure::TooLarge { what: "the row", limit: self.max_bytes.unwrap_or(0) });
        }
        self.truncated = true;
        self.chunks.end();
        Ok(More::No)
    }
}

#[async_trait]
impl Document for StreamedDocument {
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if let Some(chunk) = self.chunks.take() {
            return Ok(Some(chunk));
        }
        let Some(mut rows) = self.rows.take().map_err(|_| self.deadline.passed())? else { return Ok(None) };
        loop {
            let part = match rows.try_next() {
                Poll::Ready(part) => part,
                Poll::Pending => {
                    // The server is slower than the reader: what there is is better sent than kept.
                    if let Some(chunk) = self.chunks.take_worthwhile() {
                        self.rows.put(rows);
                        return Ok(Some(chunk));
                    }
                    rows.next().await
                }
            };
            match self.take_in(part) {
                Ok(More::Yes) => {}
                Ok(More::No) => {
                    self.rows.end();
                    return Ok(self.chunks.take());
                }
                Err(failure) => {
                    self.rows.end();
                    return Err(failure);
                }
            }
            if let Some(chunk) = self.chunks.take() {
                self.rows.put(rows);
                return Ok(Some(chunk));
            }
        }
    }

    fn rows(&self) -> u64 {
        self.chunks.rows()
    }

    fn truncated(&self) -> bool {
        self.truncated
    }
}
