//! What can be set.

use crate::guard::{AllowedHost, AllowedOrigin};

/// How this transport behaves. Where it is mounted is the application's business.
#[derive(Clone, Debug)]
pub struct McpSettings {
    /// Where people reach the server: its host and origin are allowed.
    pub public_url: Option<http::Uri>,
    /// Hosts that are allowed besides the public one and the loopback names.
    pub allowed_hosts: Vec<AllowedHost>,
    /// Requests to `<slug>.<branch_domain>` mean that branch; such hosts are allowed.
    pub branch_domain: Option<String>,
    /// Origins that are allowed besides the public one and those of the loopback names.
    pub allowed_origins: Vec<AllowedOrigin>,
    /// Bytes of a request at most.
    pub max_message_size: usize,
    /// Bytes of what an answer shows at most: rows, tables, columns, branches, a difference, an operation's error and result.
    pub max_result_bytes: u64,
    /// Tools that may be called, by name; empty allows all.
    pub allowed_tools: Vec<String>,
    /// Resources that may be read, by URI or template; empty allows all.
    pub allowed_resources: Vec<String>,
}

impl McpSettings {
    /// `max_message_size` when nobody says otherwise.
    pub const DEFAULT_MAX_MESSAGE_SIZE: usize = 10 * 1024 * 1024;
    /// `max_result_bytes` when nobody says otherwise.
    pub const DEFAULT_MAX_RESULT_BYTES: u64 = 256 * 1024;
}

impl Default for McpSettings {
    fn default() -> Self {
        Self {
            public_url: None,
            allowed_hosts: Vec::new(),
            branch_domain: None,
            allowed_origins: Vec::new(),
            max_message_size: Self::DEFAULT_MAX_MESSAGE_SIZE,
            max_result_bytes: Self::DEFAULT_MAX_RESULT_BYTES,
            allowed_tools: Vec::new(),
            allowed_resources: Vec::new(),
        }
    }
}
