//! The limits that the listener holds clients to.

use std::{num::NonZeroUsize, time::Duration};

/// The limits that the listener holds clients to.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// How long a client may take to send a request's head, from its first byte on; a fresh connection, from its opening on.
    pub header_timeout: Duration,
    /// How long a connection may stand between two requests, and how long a client may leave a response unread.
    pub idle_timeout: Duration,
    /// Connections at a time; further ones wait in the operating system's queue.
    pub max_connections: NonZeroUsize,
    /// Requests at a time on one HTTP/2 connection.
    pub max_concurrent_streams: u32,
    /// Bytes of all header fields of one request at most.
    pub max_header_bytes: u32,
    /// How long running requests may go on after the shutdown began.
    pub grace_period: Duration,
    /// Makes the `X-Request-Id` of an answer to what could not be read as a request.
    pub request_id: fn() -> String,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            max_connections: const { NonZeroUsize::new(10_000).expect("not zero") },
            max_concurrent_streams: 128,
            max_header_bytes: 64 * 1024,
            grace_period: Duration::from_secs(20),
            request_id: || "none".to_owned(),
        }
    }
}
