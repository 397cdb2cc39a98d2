//! Rows as they lie in the read buffer, and pieces of rows too big to lie there.

use std::ops::Range;

use bytes::{Buf, Bytes};

use super::error::WireError;

/// What a stream of rows hands out next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowPart {
    /// A whole row.
    Row(Row),
    /// A part of a row that is too big to be held whole.
    Piece(RowPiece),
}

/// A row whose columns are slices of the read buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    columns: u16,
    cells: Bytes,
}

/// A part of one column of a row too big to be held whole. Pieces come column by column, in order, each column having at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPiece {
    /// Which column, from 0.
    pub column: u16,
    /// The bytes; `None` where the column is NULL.
    pub bytes: Option<Bytes>,
    /// Nothing of this column came before.
    pub first: bool,
    /// Nothing of this column comes after.
    pub last: bool,
    /// The row ends with this piece.
    pub ends_row: bool,
}

const TORN: WireError = WireError::Protocol("a data row whose columns do not fit its length");

impl Row {
    /// Takes the body of a `DataRow` message; the lengths in it are checked once, here.
    pub(super) fn parse(mut body: Bytes) -> Result<Self, WireError> {
        let columns = body.first_chunk().map(|count| u16::from_be_bytes(*count)).ok_or(TORN)?;
        body.advance(2);
        let mut rest = &body[..];
        for _ in 0..columns {
            let (length, after) = rest.split_first_chunk().ok_or(TORN)?;
            let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0); // -1 is NULL
            rest = after.get(length..).ok_or(TORN)?;
        }
        if rest.is_empty() { Ok(Self { columns, cells: body }) } else { Err(TORN) }
    }

    /// How many columns it has.
    pub fn len(&self) -> usize {
        usize::from(self.columns)
    }

    /// Whether it has no columns.
    pub fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// The column at `index` from 0; `None` where it is NULL or there is no such column. No bytes are copied.
    pub fn get(&self, index: usize) -> Option<Bytes> {
        self.cells().nth(index).flatten()
    }

    /// As [`Self::get`], of a row that is not needed any more: the cheapest way to one column.
    pub fn into_cell(self, index: usize) -> Option<Bytes> {
        let mut cells = self.cells().skip_cells(index);
        let Place::At(place) = cells.next_place()? else { return None };
        let mut bytes = self.cells;
        bytes.truncate(place.end);
        bytes.advance(place.start);
        Some(bytes)
    }

    /// The columns in order; `None` is NULL.
    pub fn cells(&self) -> Cells<'_> {
        Cells { row: self, at: 0 }
    }
}

/// The columns of a row in order.
#[derive(Clone, Debug)]
pub struct Cells<'a> {
    row: &'a Row,
    at: usize,
}

/// Where a column lies in its row.
enum Place {
    Null,
    At(Range<usize>),
}

impl Cells<'_> {
    /// Where the next column lies, if there is one.
    fn next_place(&mut self) -> Option<Place> {
        let length = i32::from_be_bytes(*self.row.cells[self.at..].first_chunk()?);
        let start = self.at + 4;
        let Ok(length) = usize::try_from(length) else {
            self.at = start;
            return Some(Place::Null);
        };
        self.at = start + length;
        Some(Place::At(start..self.at))
    }

    fn skip_cells(mut self, count: usize) -> Self {
        for _ in 0..count {
            self.next_place();
        }
        self
    }
}

impl Iterator for Cells<'_> {
    type Item = Option<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.next_place()? {
            Place::Null => None,
            Place::At(place) => Some(self.row.cells.slice(place)),
        })
    }
}

/// What a statement says when it is done, such as `INSERT 0 3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandTag(pub(super) Box<str>);

impl CommandTag {
    /// The tag as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many rows it was about, where it is a statement that counts them.
    pub fn rows(&self) -> Option<u64> {
        self.0.rsplit(' ').next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_slices_of_the_message() {
        let body = Bytes::from_static(b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0");
        let row = Row::parse(body.clone()).unwrap();
        assert_eq!(row.len(), 3);
        assert_eq!(row.get(0).unwrap().as_ptr(), body[6..].as_ptr());
        assert_eq!((row.get(1), row.get(2), row.get(3)), (None, Some(Bytes::new()), None));
        for index in 0..4 {
            assert_eq!(row.clone().into_cell(index), row.get(index), "{index}");
        }
    }

    #[test]
    fn a_row_whose_lengths_lie_is_refused() {
        for body in [&b""[..], b"\0\x01", b"\0\x01\0\0\0\x09ab", b"\0\x01\0\0\0\x01abc", b"\0\0x"] {
            assert!(Row::parse(Bytes::copy_from_slice(body)).is_err(), "{body:?}");
        }
    }

    #[test]
    fn tags_tell_their_count() {
        let rows = |tag: &str| CommandTag(tag.into()).rows();
        assert_eq!([rows("INSERT 0 3"), rows("SELECT 10"), rows("BEGIN"), rows("")], [Some(3), Some(10), None, None]);
    }
}
