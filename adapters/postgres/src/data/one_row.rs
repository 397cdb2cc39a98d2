//! An answer of one row, gathered whole however large it is.

use crate::wire::{RowPart, RowsStream, WireError};

/// The columns of the one row; NULL is empty.
pub(super) async fn one_row(mut stream: RowsStream) -> Result<Vec<Vec<u8>>, WireError> {
    let mut columns: Vec<Vec<u8>> = Vec::new();
    while let Some(part) = stream.next().await? {
        match part {
            RowPart::Row(row) => columns.extend(row.cells().map(|cell| cell.map(|bytes| bytes.to_vec()).unwrap_or_default())),
            RowPart::Piece(piece) => {
                if piece.first {
                    columns.push(Vec::new());
                }
                let column = columns.last_mut().ok_or(WireError::Protocol("a row that does not begin"))?;
                column.extend_from_slice(&piece.bytes.unwrap_or_default());
            }
        }
    }
    Ok(columns)
}
