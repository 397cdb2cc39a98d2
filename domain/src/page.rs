//! Pages of lists.

use serde::Serialize;

/// One page of a list and where the next one begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// What to send as `cursor` to get the next page; `None` on the last one.
    pub next_cursor: Option<String>,
}

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Items at most, 1 to [`PageRequest::MAX_LIMIT`].
    pub limit: u32,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl PageRequest {
    /// Items on a page when nobody says how many.
    pub const DEFAULT_LIMIT: u32 = 100;
    /// Items on a page at most.
    pub const MAX_LIMIT: u32 = 1000;

    /// Checks a caller's `limit`.
    pub fn new(limit: Option<u32>, cursor: Option<String>) -> Result<Self, crate::Failure> {
        let limit = limit.unwrap_or(Self::DEFAULT_LIMIT);
        if limit == 0 || limit > Self::MAX_LIMIT {
            return Err(crate::Fault::new("/limit", format!("must be from 1 to {}", Self::MAX_LIMIT)).into());
        }
        Ok(Self { limit, cursor })
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: Self::DEFAULT_LIMIT, cursor: None }
    }
}
