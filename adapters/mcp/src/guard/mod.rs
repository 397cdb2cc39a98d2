//! What a request must show before anybody looks at its message.

mod body;
mod credentials;
mod hosts;
mod media_types;
mod problem;

pub(crate) use body::{BodyError, read_body};
pub(crate) use credentials::credentials;
pub(crate) use hosts::HostPolicy;
pub use hosts::{AllowedHost, AllowedOrigin, InvalidHost, InvalidOrigin};
pub(crate) use media_types::{accepts_json, coding, is_json};
pub(crate) use problem::Problem;
