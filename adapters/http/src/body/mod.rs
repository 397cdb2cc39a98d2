//! Request bodies: read up to a limit, and taken apart field by field so that every fault is told with its place.

mod bytes;
mod fields;
mod json;
mod unique_keys;

pub(crate) use bytes::{is_json, read_body};
pub(crate) use fields::{Fields, FromFields};
pub(crate) use json::{BodyLimit, JsonBody};
