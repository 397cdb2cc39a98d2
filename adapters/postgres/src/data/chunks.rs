//! A JSON document cut into chunks of at most 64 KiB while its rows arrive.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use domain::table::Shape;

use super::json_rows::JsonPart;

/// A chunk is never longer.
pub(super) const CHUNK: usize = 64 * 1024;
/// Enough for a small answer.
const FIRST: usize = 8 * 1024;
const SEPARATOR: &[u8] = b",\n";

/// Puts rows together to a document and cuts that into chunks.
#[derive(Debug)]
pub(super) struct Chunks {
    shape: Shape,
    open: BytesMut,
    ready: VecDeque<Bytes>,
    rows: u64,
    /// Bytes that may still be written, the closing bracket aside.
    left: Option<u64>,
    /// A row that comes in pieces, held back until it is known to fit.
    held: Option<Vec<Bytes>>,
}

/// The document has to end before this row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Chunks {
    pub(super) fn new(shape: Shape, max_bytes: Option<u64>) -> Self {
        let brackets = if shape == Shape::Array { 2 } else { 0 };
        let mut open = BytesMut::with_capacity(FIRST);
        if shape == Shape::Array {
            open.extend_from_slice(b"[");
        }
        Self { shape, open, ready: VecDeque::new(), rows: 0, left: max_bytes.map(|max| max.saturating_sub(brackets)), held: None }
    }

    /// Adds what has arrived.
    pub(super) fn add(&mut self, part: JsonPart) -> Result<(), Full> {
        match part {
            JsonPart::Row(bytes) => {
                self.begin_row(bytes.len())?;
                self.write(&bytes);
                self.rows += 1;
            }
            JsonPart::Piece { bytes, first, last } if self.left.is_some() => self.hold(bytes, first, last)?,
            JsonPart::Piece { bytes, first, last } => {
                if first {
                    self.begin_row(0)?;
                }
                self.write(&bytes);
                self.rows += u64::from(last);
            }
        }
        Ok(())
    }

    /// The next chunk that is full.
    pub(super) fn take(&mut self) -> Option<Bytes> {
        self.ready.pop_front()
    }

    /// What there is, full or not, if it is worth being sent.
    pub(super) fn take_worthwhile(&mut self) -> Option<Bytes> {
        (self.open.len() >= FIRST).then(|| self.open.split().freeze())
    }

    /// Ends the document.
    pub(super) fn end(&mut self) {
        if self.shape == Shape::Array {
            self.write(b"]");
        }
        if !self.open.is_empty() {
            self.ready.push_back(self.open.split().freeze());
        }
    }

    /// Rows that are whole.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// A big row is held until its end: how long it is is known only then.
    fn hold(&mut self, bytes: Bytes, first: bool, last: bool) -> Result<(), Full> {
        if first {
            self.held = Some(Vec::new());
        }
        let held = self.held.get_or_insert_default();
        held.push(bytes);
        let length: usize = held.iter().map(Bytes::len).sum();
        if self.left.is_some_and(|left| left < as_u64(length)) {
            return Err(Full);
        }
        if last {
            let held = self.held.take().unwrap_or_default();
            self.begin_row(length)?;
            for bytes in &held {
                self.write(bytes);
            }
            self.rows += 1;
        }
        Ok(())
    }

    fn begin_row(&mut self, length: usize) -> Result<(), Full> {
        let separator = if self.rows > 0 { SEPARATOR } else { b"" };
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(as_u64(length + separator.len())).ok_or(Full)?;
        }
        self.write(separator);
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = CHUNK - self.open.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.open.extend_from_slice(now);
            bytes = later;
            if self.open.len() == CHUNK {
                self.ready.push_back(self.open.split().freeze());
                self.open.reserve(CHUNK);
            }
        }
    }
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> JsonPart {
        JsonPart::Row(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn text(chunks: &mut Chunks) -> String {
        chunks.end();
        let mut text = String::new();
        while let Some(chunk) = chunks.take() {
            assert!(chunk.len() <= CHUNK);
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        text
    }

    #[test]
    fn rows_are_an_array_and_one_alone_is_itself() {
        let mut chunks = Chunks::new(Shape::Array, None);
        assert_eq!(text(&mut chunks), "[]");
        let mut chunks = Chunks::new(Shape::Array, None);
        chunks.add(row("{}")).unwrap();
        chunks.add(row("{\"a\":1}")).unwrap();
        assert_eq!((text(&mut chunks).as_str(), chunks.rows()), ("[{},\n{\"a\":1}]", 2));
        let mut chunks = Chunks::new(Shape::Singular, None);
        chunks.add(row("{}")).unwrap();
        assert_eq!(text(&mut chunks), "{}");
    }

    #[test]
    fn a_document_ends_at_the_last_row_that_fits() {
        for (max, expected) in [(0, "[]"), (3, "[]"), (4, "[{}]"), (7, "[{}]"), (8, "[{},\n{}]"), (100, "[{},\n{}]")] {
            let mut chunks = Chunks::new(Shape::Array, Some(max));
            for _ in 0..2 {
                if chunks.add(row("{}")).is_err() {
                    break;
                }
            }
            assert_eq!(text(&mut chunks), expected, "{max}");
        }
    }

    #[test]
    fn a_big_row_comes_whole_or_not_at_all() {
        let piece = |size: usize, first, last| JsonPart::Piece { bytes: vec![b'x'; size].into(), first, last };
        for (max, fits) in [(None, true), (Some(200_006), true), (Some(200_005), false)] {
            let mut chunks = Chunks::new(Shape::Array, max);
            chunks.add(row("{}")).unwrap();
            let added = chunks.add(piece(100_000, true, false)).and_then(|()| chunks.add(piece(100_000, false, true)));
            assert_eq!(added.is_ok(), fits, "{max:?}");
            let text = text(&mut chunks);
            assert_eq!((text.len(), chunks.rows()), if fits { (200_006, 2) } else { (4, 1) });
        }
    }
}
