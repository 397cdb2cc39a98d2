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
};
use crate::wire::WireError;

/// A document that is streamed while the statement runs. Dropping it cancels what runs.
#[derive(Debug)]
pub(super) struct StreamedDocument {
    /// `None` once all of it was read, or has failed.
    rows: Option<JsonRows>,
    chunks: Chunks,
    deadline: Deadline,
    max_bytes: Option<u64>,
    shape: Shape,
    truncated: bool,
}

impl StreamedDocument {
    pub(super) fn new(rows: JsonRows, shape: Shape, max_bytes: Option<u64>, deadline: Deadline) -> Self {
        Self { rows: Some(rows), chunks: Chunks::new(shape, max_bytes), deadline, max_bytes, shape, truncated: false }
    }

    /// Takes in what came; whether that was the end.
    fn take_in(&mut self, part: Result<Option<JsonPart>, WireError>) -> Result<(), Failure> {
        match part {
            Ok(Some(part)) => match self.chunks.add(part) {
                Ok(()) => {}
                Err(Full) => self.cut()?,
            },
            Ok(None) => {
                self.rows = None;
                self.chunks.end();
            }
            Err(error) => {
                self.rows = None;
                return Err(self.deadline.failure(error));
            }
        }
        Ok(())
    }

    fn cut(&mut self) -> Result<(), Failure> {
        self.rows = None;
        if self.shape == Shape::Singular {
            return Err(Failure::TooLarge { what: "the row", limit: self.max_bytes.unwrap_or(0) });
        }
        self.truncated = true;
        self.chunks.end();
        Ok(())
    }
}

#[async_trait]
impl Document for StreamedDocument {
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            if let Some(chunk) = self.chunks.take() {
                return Ok(Some(chunk));
            }
            let Some(rows) = &mut self.rows else { return Ok(None) };
            let part = match rows.try_next() {
                Poll::Ready(part) => part,
                Poll::Pending => {
                    // The server is slower than the reader: what there is is better sent than kept.
                    if let Some(chunk) = self.chunks.take_worthwhile() {
                        return Ok(Some(chunk));
                    }
                    rows.next().await
                }
            };
            self.take_in(part)?;
        }
    }

    fn rows(&self) -> u64 {
        self.chunks.rows()
    }

    fn truncated(&self) -> bool {
        self.truncated
    }
}
