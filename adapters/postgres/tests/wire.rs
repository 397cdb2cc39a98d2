//! The wire path against a real server.

mod cluster;
mod wire_cases;
