//! JSON-RPC messages, as far as they are looked at before the SDK sees them.

mod answer;
mod call;
mod envelope;
mod error;

pub(crate) use answer::Answered;
pub(crate) use call::{FastCall, names_a_cursor, raw_arguments};
pub(crate) use envelope::{Incoming, Single};
pub(crate) use error::RpcError;
