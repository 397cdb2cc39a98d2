//! Cuts the bytes that arrive into messages, without ever holding a big row whole.

use bytes::{Buf, Bytes, BytesMut};
use postgres_protocol::message::backend::{DATA_ROW_TAG, Header, Message};

use super::{
    error::WireError,
    long_error::{self, LongError},
    rows::RowPiece,
};

/// A data row longer than this is handed out in pieces.
const LARGEST_WHOLE_ROW: usize = 256 * 1024;
/// No other message of an honest server is longer, errors aside.
const LARGEST_MESSAGE: usize = 8 * 1024 * 1024;
/// What is read at once, and what an idle connection keeps.
const CHUNK: usize = 64 * 1024;
/// Below this much room a read is not worth its system call.
const SMALLEST_ROOM: usize = 8 * 1024;
const HEADER: usize = 5;

/// One thing cut from the bytes that arrived.
pub(super) enum Frame {
    /// The body of a `DataRow` that was small enough to be held.
    Row(Bytes),
    /// A part of one that was not.
    Piece(RowPiece),
    /// Any other message.
    Message(Message),
}

/// Where in a big row the bytes stand.
struct BigRow {
    column: u16,
    columns: u16,
    /// Left of the message.
    left: usize,
    /// Left of the column; `None` between columns.
    cell: Option<usize>,
    started: bool,
}

/// The bytes that arrived and are not yet handed out.
pub(super) struct Inbox {
    bytes: BytesMut,
    big_row: Option<BigRow>,
    long_error: Option<LongError>,
    /// How many bytes the message at the front still lacks.
    missing: usize,
    high_water: usize,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { bytes: BytesMut::with_capacity(CHUNK), big_row: None, long_error: None, missing: 0, high_water: CHUNK }
    }

    /// The buffer to read into, with room for a good read.
    pub(super) fn room(&mut self) -> &mut BytesMut {
        let wanted = self.missing.max(SMALLEST_ROOM);
        if self.bytes.capacity() - self.bytes.len() < wanted {
            self.bytes.reserve(wanted.max(CHUNK));
        }
        self.high_water = self.high_water.max(self.bytes.capacity());
        &mut self.bytes
    }

    /// The largest the buffer has been since the last [`Self::trim`].
    pub(super) fn high_water(&self) -> usize {
        self.high_water
    }

    /// Gives back what one big message made the buffer grow by.
    pub(super) fn trim(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > 2 * CHUNK {
            self.bytes = BytesMut::with_capacity(CHUNK);
        }
        self.high_water = self.bytes.capacity();
    }

    /// The next frame, or `None` until more bytes have arrived.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, WireError> {
        if self.big_row.is_some() {
            return Ok(self.next_piece()?.map(Frame::Piece));
        }
        if self.long_error.is_some() {
            return self.pass_long_error();
        }
        let Some(header) = Header::parse(&self.bytes).map_err(|_| WireError::Protocol("a message without a length"))? else {
            self.missing = HEADER;
            return Ok(None);
        };
        let length = usize::try_from(header.len()).map_err(|_| WireError::Protocol("a negative length"))? + 1;
        if header.tag() == DATA_ROW_TAG && length > LARGEST_WHOLE_ROW {
            return self.begin_big_row(length);
        }
        if LongError::is(header.tag(), length) {
            return self.begin_long_error(length);
        }
        if length > LARGEST_MESSAGE {
            return Err(WireError::Protocol("a message longer than any should be"));
        }
        if self.bytes.len() < length {
            self.missing = length - self.bytes.len();
            return Ok(None);
        }
        self.missing = 0;
        if header.tag() == DATA_ROW_TAG {
            let mut body = self.bytes.split_to(length);
            body.advance(HEADER);
            return Ok(Some(Frame::Row(body.freeze())));
        }
        let message = Message::parse(&mut self.bytes).map_err(|_| WireError::Protocol("a message that cannot be read"))?;
        Ok(message.map(Frame::Message))
    }

    fn begin_long_error(&mut self, length: usize) -> Result<Option<Frame>, WireError> {
        let beginning = HEADER + long_error::KEPT;
        if self.bytes.len() < beginning {
            self.missing = beginning - self.bytes.len();
            return Ok(None);
        }
        self.missing = 0;
        self.long_error = Some(LongError::begin(&mut self.bytes, length));
        self.pass_long_error()
    }

    fn pass_long_error(&mut self) -> Result<Option<Frame>, WireError> {
        let Some(mut message) = self.long_error.as_mut().and_then(|error| error.pass(&mut self.bytes)) else { return Ok(None) };
        self.long_error = None;
        let message = Message::parse(&mut message).map_err(|_| WireError::Protocol("an error that cannot be read"))?;
        Ok(message.map(Frame::Message))
    }

    fn begin_big_row(&mut self, length: usize) -> Result<Option<Frame>, WireError> {
        let Some(count) = self.bytes.get(HEADER..HEADER + 2) else {
            self.missing = HEADER + 2;
            return Ok(None);
        };
        let columns = u16::from_be_bytes([count[0], count[1]]);
        if columns == 0 {
            return Err(TORN);
        }
        drop(self.bytes.split_to(HEADER + 2));
        self.missing = 0;
        self.big_row = Some(BigRow { column: 0, columns, left: length - HEADER - 2, cell: None, started: false });
        Ok(self.next_piece()?.map(Frame::Piece))
    }

    fn next_piece(&mut self) -> Result<Option<RowPiece>, WireError> {
        let Some(row) = &mut self.big_row else { return Ok(None) };
        if row.cell.is_none() {
            let Some(length) = self.bytes.first_chunk() else { return Ok(None) };
            let length = i32::from_be_bytes(*length);
            drop(self.bytes.split_to(4));
            row.left = row.left.checked_sub(4).ok_or(TORN)?;
            row.started = false;
            let Ok(length) = usize::try_from(length) else {
                return Self::piece(&mut self.big_row, None, true).map(Some); // NULL
            };
            if length > row.left {
                return Err(TORN);
            }
            row.cell = Some(length);
        }
        let left = row.cell.unwrap_or(0);
        let take = left.min(self.bytes.len());
        if take == 0 && left > 0 {
            return Ok(None);
        }
        let bytes = self.bytes.split_to(take).freeze();
        row.left -= take;
        row.cell = Some(left - take);
        Self::piece(&mut self.big_row, Some(bytes), take == left).map(Some)
    }

    fn piece(slot: &mut Option<BigRow>, bytes: Option<Bytes>, last: bool) -> Result<RowPiece, WireError> {
        let row = slot.as_mut().ok_or(TORN)?;
        let ends_row = last && row.column + 1 == row.columns;
        let piece = RowPiece { column: row.column, bytes, first: !row.started, last, ends_row };
        row.started = true;
        if last {
            row.column += 1;
            row.cell = None;
        }
        if ends_row {
            if row.left != 0 {
                return Err(TORN);
            }
            *slot = None;
        }
        Ok(piece)
    }
}

const TORN: WireError = WireError::Protocol("a big data row whose columns do not fit its length");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::SqlError;

    fn data_row(cells: &[Option<&[u8]>]) -> Vec<u8> {
        let mut body = u16::try_from(cells.len()).unwrap().to_be_bytes().to_vec();
        for cell in cells {
            match cell {
                Some(cell) => {
                    body.extend(i32::try_from(cell.len()).unwrap().to_be_bytes());
                    body.extend(*cell);
                }
                None => body.extend((-1_i32).to_be_bytes()),
            }
        }
        let mut message = vec![b'D'];
        message.extend(i32::try_from(body.len() + 4).unwrap().to_be_bytes());
        message.extend(body);
        message
    }

    /// Feeds `bytes` in portions of `portion` and gathers the columns of the big row in them.
    fn gather(bytes: &[u8], portion: usize) -> (Vec<Option<Vec<u8>>>, usize) {
        let (mut inbox, mut columns, mut rows) = (Inbox::new(), Vec::<Option<Vec<u8>>>::new(), 0);
        for portion in bytes.chunks(portion) {
            inbox.room().extend_from_slice(portion);
            while let Some(frame) = inbox.next().unwrap() {
                let Frame::Piece(piece) = frame else { panic!("not a piece") };
                if piece.first {
                    assert_eq!(usize::from(piece.column), columns.len());
                    columns.push(piece.bytes.map(|bytes| bytes.to_vec()));
                } else {
                    columns.last_mut().unwrap().as_mut().unwrap().extend_from_slice(&piece.bytes.unwrap());
                }
                rows += usize::from(piece.ends_row);
            }
        }
        assert!(inbox.high_water() <= 4 * CHUNK, "{}", inbox.high_water());
        (columns, rows)
    }

    #[test]
    fn a_big_row_comes_in_pieces_however_the_bytes_arrive() {
        let big: Vec<u8> = (0..=250).cycle().take(1_000_003).collect();
        let row = data_row(&[Some(b"id"), None, Some(&big), Some(b""), Some(b"end")]);
        let whole = [Some(b"id".to_vec()), None, Some(big), Some(vec![]), Some(b"end".to_vec())];
        for portion in [1, 3, 1000, 65_536] {
            let (columns, rows) = gather(&row, portion);
            assert!(columns == whole, "in portions of {portion}");
            assert_eq!(rows, 1);
        }
    }

    #[test]
    fn what_follows_a_big_row_is_read_as_usual() {
        let big = vec![b'x'; LARGEST_WHOLE_ROW];
        let mut bytes = data_row(&[Some(&big), None]);
        bytes.extend(data_row(&[Some(b"small")]));
        let mut inbox = Inbox::new();
        inbox.room().extend_from_slice(&bytes);
        let mut seen = vec![];
        while let Some(frame) = inbox.next().unwrap() {
            seen.push(match frame {
                Frame::Piece(piece) => (piece.column, piece.ends_row),
                Frame::Row(_) => (99, true),
                Frame::Message(_) => panic!("no message was sent"),
            });
        }
        assert_eq!(seen, [(0, false), (1, true), (99, true)]);
        inbox.trim();
        assert!(inbox.high_water() <= 2 * CHUNK);
    }

    #[test]
    fn an_error_that_quotes_megabytes_is_cut_and_what_follows_is_read_as_usual() {
        for before in 0..4 {
            let text = format!("{}{}", "x".repeat(before), "ä".repeat(5_000_000));
            let fields = format!("SERROR\0C22003\0M{text}\0Dmore\0\0");
            let mut bytes = vec![b'E'];
            bytes.extend(i32::try_from(fields.len() + 4).unwrap().to_be_bytes());
            bytes.extend(fields.as_bytes());
            bytes.extend(data_row(&[Some(b"next")]));
            let (mut inbox, mut found) = (Inbox::new(), vec![]);
            for portion in bytes.chunks(50_000) {
                inbox.room().extend_from_slice(portion);
                while let Some(frame) = inbox.next().unwrap() {
                    match frame {
                        Frame::Message(Message::ErrorResponse(body)) => {
                            let error = SqlError::read(body.fields());
                            assert!(error.message.starts_with(&"x".repeat(before)) && error.message.ends_with('ä'));
                            found.push((error.sqlstate, error.detail));
                        }
                        Frame::Row(_) => found.push(("next".to_owned(), None)),
                        _ => panic!("nothing else was sent"),
                    }
                }
            }
            assert_eq!(found, [("22003".to_owned(), None), ("next".to_owned(), None)]);
            assert!(inbox.high_water() <= 4 * CHUNK, "{}", inbox.high_water());
        }
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let mut short = data_row(&[Some(&vec![b'x'; LARGEST_WHOLE_ROW])]);
        short[7] = 0x7f; // the column claims more than the message holds
        let mut rest = data_row(&[Some(&vec![b'x'; LARGEST_WHOLE_ROW])]);
        rest[10] = 1; // and less
        for bytes in [&short[..], &rest, b"D\0\0\0\x01", b"Z\xff\xff\xff\xff", b"E\x7f\xff\xff\xff"] {
            let mut inbox = Inbox::new();
            inbox.room().extend_from_slice(bytes);
            let ended = loop {
                match inbox.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => break false,
                    Err(_) => break true,
                }
            };
            assert!(ended, "{:?}", &bytes[..5]);
        }
    }
}
