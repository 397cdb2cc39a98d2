//! What the tests of the whole house stand on: one PostgreSQL for all of them, a database for each.

mod cluster;
mod fetched;
mod server;
mod system;

pub use cluster::{ENCRYPTION_KEY, ForeignCluster, Owner, TestCluster, TestDatabase, keep_cluster};
pub use fetched::fetched;
pub use server::{Answer, FailedStart, ServerSettings, TestServer, as_key, become_tethered, eventually};
pub use system::{SystemClock, fresh_id};
