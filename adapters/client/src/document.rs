//! Reading documents: what several of them have in common.

use domain::page::Page;
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;
use std::{fmt::Display, str::FromStr};

/// A value that the domain knows how to read from its text.
pub(crate) fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// A page of documents, each turned into what it describes.
pub(crate) fn page<D, T>(document: &Value) -> Result<Page<T>, serde_json::Error>
where
    D: for<'de> Deserialize<'de>,
    T: From<D>,
{
    #[derive(Deserialize)]
    struct Document<D> {
        items: Vec<D>,
        #[serde(default)]
        next_cursor: Option<String>,
    }
    let found = Document::<D>::deserialize(document)?;
    Ok(Page { items: found.items.into_iter().map(T::from).collect(), next_cursor: found.next_cursor })
}
