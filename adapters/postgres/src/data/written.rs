//! What a write gave back, held in memory: it is handed out only when the write is known to be done.

use std::collections::VecDeque;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{Failure, table::Shape};
use ports::driven::{Document, Written};

use super::{
    chunks::{Chunks, Full},
    json_rows::JsonRows,
    sql::{Inserted, Returns},
};
use crate::wire::{RowsStream, WireError};

/// A document that is all there.
#[derive(Debug)]
struct HeldDocument {
    chunks: VecDeque<Bytes>,
    rows: u64,
    truncated: bool,
}

#[async_trait]
impl Document for HeldDocument {
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        Ok(self.chunks.pop_front())
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn truncated(&self) -> bool {
        self.truncated
    }
}

/// Reads a write's answer to its end, where it is committed or taken back. Of an array so many bytes are kept; what is behind them is passed over.
pub(super) async fn read(stream: RowsStream, inserted: Inserted, returns: Returns, max_bytes: Option<u64>) -> Result<Written, WireError> {
    const NO_HEADER: WireError = WireError::Protocol("a write without its header");
    let (mut rows, header) = JsonRows::with_header(stream).await?;
    let header = header.ok_or(NO_HEADER)?;
    let mut numbers = header.split(' ').map(str::parse::<u64>);
    let affected = numbers.next().and_then(Result::ok).ok_or(NO_HEADER)?;
    let inserted = match inserted {
        Inserted::All => Some(affected),
        Inserted::None => Some(0),
        Inserted::Counted | Inserted::Marked => Some(numbers.next().and_then(Result::ok).ok_or(NO_HEADER)?),
    };
    let mut chunks = Chunks::new(shape(returns), max_bytes.filter(|_| returns == Returns::Array));
    let mut full = false;
    while let Some(part) = rows.next().await? {
        full = full || chunks.add(part) == Err(Full);
    }
    Ok(Written { affected, inserted, document: document(chunks, returns, full) })
}

/// The answer to a write that had nothing to do.
pub(super) fn nothing(returns: Returns) -> Result<Written, Failure> {
    if returns == Returns::Singular {
        return Err(Failure::NotSingular { rows: 0 });
    }
    Ok(Written { affected: 0, inserted: Some(0), document: document(Chunks::new(shape(returns), None), returns, false) })
}

fn shape(returns: Returns) -> Shape {
    if matches!(returns, Returns::Singular | Returns::Key) { Shape::Singular } else { Shape::Array }
}

fn document(mut chunks: Chunks, returns: Returns, truncated: bool) -> Option<Box<dyn Document>> {
    if returns == Returns::Nothing || (returns == Returns::Key && chunks.rows() == 0) {
        return None;
    }
    chunks.end();
    let rows = chunks.rows();
    let chunks = std::iter::from_fn(|| chunks.take()).collect();
    Some(Box::new(HeldDocument { chunks, rows, truncated }))
}
