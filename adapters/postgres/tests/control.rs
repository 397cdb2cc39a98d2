//! The control plane against a real server, a database for each test.

mod black_hole;
#[expect(dead_code, reason = "shared with test binaries that need more of it")]
mod cluster;
mod control_cases;
