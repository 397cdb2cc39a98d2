//! Pages of lists.

use domain::page::Page;
use poem_openapi::{
    Object,
    types::{ParseFromJSON, ToJSON},
};

/// One page of a list.
#[derive(Object)]
#[oai(rename = "Page")]
pub(crate) struct PageDocument<T: ParseFromJSON + ToJSON + Send + Sync> {
    /// The items, in the list's order.
    pub(crate) items: Vec<T>,
    /// What to send as `cursor` to get the next page; null on the last one.
    #[oai(nullable)]
    pub(crate) next_cursor: Option<String>,
}

impl<T: ParseFromJSON + ToJSON + Send + Sync> PageDocument<T> {
    pub(crate) fn of<I: Into<T>>(page: Page<I>) -> Self {
        Self { items: page.items.into_iter().map(Into::into).collect(), next_cursor: page.next_cursor }
    }
}
