//! Rows that are JSON text in their last column, with a header text before it, cut out of what the wire hands on.

use std::task::Poll;

use bytes::Bytes;

use crate::wire::{RowPart, RowsStream, WireError};

/// Rows that are JSON text in their last column.
#[derive(Debug)]
pub(super) struct JsonRows {
    stream: RowsStream,
    column: u16,
    /// A part that was read for its header and not yet handed out.
    held: Option<RowPart>,
}

/// A piece of a row's JSON text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JsonPart {
    /// A whole row.
    Row(Bytes),
    /// A part of a row too big to be held.
    Piece { bytes: Bytes, first: bool, last: bool },
}

const NOT_TEXT: WireError = WireError::Protocol("a header that is not text");

impl JsonRows {
    /// Rows with nothing but JSON.
    pub(super) fn plain(stream: RowsStream) -> Self {
        Self { stream, column: 0, held: None }
    }

    /// Rows with a header column, and the header of the first, where there is a row.
    pub(super) async fn with_header(mut stream: RowsStream) -> Result<(Self, Option<String>), WireError> {
        let part = stream.next().await?;
        let header = match &part {
            Some(RowPart::Row(row)) => row.get(0),
            Some(RowPart::Piece(piece)) if piece.column == 0 && piece.last => piece.bytes.clone(),
            Some(RowPart::Piece(_)) => return Err(NOT_TEXT),
            None => None,
        };
        let header = header.map(|bytes| std::str::from_utf8(&bytes).map(str::to_owned)).transpose().map_err(|_| NOT_TEXT)?;
        Ok((Self { stream, column: 1, held: part }, header))
    }

    /// The next part if it has arrived already.
    pub(super) fn try_next(&mut self) -> Poll<Result<Option<JsonPart>, WireError>> {
        loop {
            let part = match self.held.take() {
                Some(part) => part,
                None => match self.stream.try_next() {
                    Poll::Ready(Ok(Some(part))) => part,
                    Poll::Ready(Ok(None)) => return Poll::Ready(Ok(None)),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                },
            };
            if let Some(part) = self.json(part) {
                return Poll::Ready(Ok(Some(part)));
            }
        }
    }

    /// The next part, or `None` when all has ended well.
    pub(super) async fn next(&mut self) -> Result<Option<JsonPart>, WireError> {
        loop {
            let part = match self.held.take() {
                Some(part) => Some(part),
                None => self.stream.next().await?,
            };
            let Some(part) = part else { return Ok(None) };
            if let Some(part) = self.json(part) {
                return Ok(Some(part));
            }
        }
    }

    fn json(&self, part: RowPart) -> Option<JsonPart> {
        match part {
            RowPart::Row(row) => row.into_cell(usize::from(self.column)).map(JsonPart::Row),
            RowPart::Piece(piece) if piece.column == self.column => {
                let bytes = piece.bytes?;
                Some(JsonPart::Piece { bytes, first: piece.first, last: piece.last })
            }
            RowPart::Piece(_) => None,
        }
    }
}
