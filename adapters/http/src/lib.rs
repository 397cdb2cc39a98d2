//! REST over poem-openapi, and the listener that serves any poem endpoint.

mod body;
mod by_hand;
mod control;
mod cors;
mod credentials;
mod documents;
mod edge;
pub mod listener;
mod mcp_described;
mod mentions;
mod openapi;
mod peer;
mod problem;
mod query_string;
mod routes;
mod tables;
#[cfg(test)]
mod testing;

pub use control::Readiness;
pub use cors::{CorsOrigin, InvalidCorsOrigin};
pub use credentials::credentials;
pub use edge::{Edge, REQUEST_ID, request_id};
pub use listener::{BindError, Listener, ServeOptions};
pub use openapi::openapi_document;
pub use peer::{InvalidProxy, TrustedProxies};
pub use problem::Problem;
pub use routes::{RenderMetrics, Rest, RestPorts, RestSettings, routes};
