//! Problem documents (RFC 9457): what every refusal looks like.

mod document;
mod failure;
mod framework;
mod sqlstate;

pub use document::Problem;
pub(crate) use document::{PROBLEM_JSON, described};
pub(crate) use failure::{Asker, chain, refusal};
pub(crate) use framework::{from_framework, panicked};
