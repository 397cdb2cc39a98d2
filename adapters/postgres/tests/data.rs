//! The data path against a real server: a database for each test, reached by the logins of user and service traffic.

mod black_hole;
#[expect(dead_code, reason = "shared with test binaries that need more of it")]
mod cluster;
mod data_cases;
