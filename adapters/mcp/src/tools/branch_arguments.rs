//! Arguments that several tools of branches take.

use crate::tool::CallError;
use domain::Fault;
use serde_json::{Value, json};
use std::{fmt::Display, str::FromStr};

pub(super) fn branch_schema() -> Value {
    json!({"type": "string", "minLength": 1, "description": "slug or id"})
}

pub(super) fn seeds_schema() -> Value {
    json!({"type": "array", "items": {"type": "string"}, "description": "seed_data: the seed files to run; all when left out"})
}

/// Of a branch that is there: what it was made of was a choice.
pub(super) fn kept_seeds_schema() -> Value {
    json!({"type": "array", "items": {"type": "string"}, "description": "seed_data: the seed files to run; those it was made of when left out"})
}

pub(super) fn max_age_schema() -> Value {
    json!({"type": "string", "description": "how old a kept copy of the rows may be, such as 1h; fresh when left out"})
}

pub(super) fn wait_schema() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": super::started::LONGEST_WAIT, "description": "seconds to wait for the end"})
}

/// Reads arguments that say something of their own, and gathers every fault.
#[derive(Default)]
pub(super) struct Reading(Vec<Fault>);

impl Reading {
    /// A text that may be left out.
    pub(super) fn optional<T: FromStr<Err: Display>>(&mut self, pointer: &str, text: Option<&str>) -> Option<T> {
        text.and_then(|text| self.required(pointer, text))
    }

    /// A text that must be there.
    pub(super) fn required<T: FromStr<Err: Display>>(&mut self, pointer: &str, text: &str) -> Option<T> {
        text.parse().map_err(|error: T::Err| self.0.push(Fault::new(pointer, error.to_string()))).ok()
    }

    /// The faults, where there are any.
    pub(super) fn finish(self) -> Result<(), CallError> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0.into()) }
    }
}
