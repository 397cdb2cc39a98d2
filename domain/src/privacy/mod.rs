//! Personal data: which columns hold it, what stands in its place in a copy, and what stops a copy.

mod facts;
mod mask;

pub use facts::{Kind, PrivateColumn, PrivateKey, PrivateTable};
pub use mask::{InvalidMask, Mask};

use serde::{Deserialize, Serialize};

/// A column whose values arrive changed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedColumn {
    /// Its name.
    pub name: String,
    /// As what they arrive.
    #[serde(rename = "as")]
    pub mask: Mask,
    /// Why, for people.
    pub reason: String,
}
