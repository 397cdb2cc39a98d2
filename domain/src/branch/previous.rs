//! What a reset replaced.

use super::{Generation, Withheld};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The generation that served before a reset. Its database is kept for a time, closed to everybody, so that the reset can be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Which.
    pub generation: Generation,
    /// Until when it is kept.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// What its copy had left out.
    pub withheld: Vec<Withheld>,
    /// The moment that its rows were copied at.
    #[serde(with = "time::serde::rfc3339::option")]
    pub data_as_of: Option<OffsetDateTime>,
}
