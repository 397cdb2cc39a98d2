//! Honest in-memory fakes of the driven ports: they behave as the real ones promise, held to the same conformance suite.
//!
//! Everything hangs on [`MemoryControlPlane`]: it hands out the directories, the bell and the audit log that see what it commits.

mod activity;
mod audit;
mod branch_builder;
mod branches;
mod control_plane;
mod directories;
mod keys;
mod migration_history;
mod operations;
mod paging;
mod rate_limiter;
mod sessions;
mod signals;
mod state;
mod users;

pub use audit::MemoryAuditLog;
pub use branch_builder::{Failing, MemoryBranchBuilder};
pub use control_plane::MemoryControlPlane;
pub use directories::{MemoryBranchDirectory, MemoryKeyDirectory, MemorySessionDirectory};
pub use rate_limiter::MemoryRateLimiter;
pub use signals::MemoryOperationSignals;
