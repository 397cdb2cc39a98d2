//! The Model Context Protocol transport, its tools and resources.
//!
//! A request passes `guard` (method, Host, Origin, media types, credentials, size), then `message` (JSON-RPC). A well-formed `tools/call` is
//! answered by `message::call`, which passes rows through unparsed; everything else by the SDK in `sdk`. Both reach the same `registry`.

mod catalogue;
mod endpoint;
mod foreign_text;
mod guard;
mod message;
mod registry;
mod resources;
mod room;
mod rows;
mod scope;
mod sdk;
mod settings;
mod tool;
mod tools;

pub use endpoint::endpoint;
pub use guard::{AllowedHost, AllowedOrigin, InvalidHost, InvalidOrigin};
pub use registry::{McpBranchPorts, McpPorts, resource_uris, tool_names};
pub use settings::McpSettings;

/// The revisions of the protocol that are served, oldest first.
pub const PROTOCOL_VERSIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
