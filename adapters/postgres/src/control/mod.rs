//! The metadata database behind the control plane ports.

mod activity;
mod audit_batch;
mod audit_log;
mod audit_rows;
mod branch_directory;
mod branch_row;
mod branches;
mod cache;
mod change_listener;
mod cursor;
mod error;
mod first_start;
mod key_directory;
mod key_row;
mod keys;
mod migrate;
mod migration_history;
mod operation_row;
mod operation_signals;
mod operations;
mod presence;
mod rate_limiter;
mod sessions;
mod shards;
mod unit_of_work;
mod users;

pub use audit_log::PgAuditLog;
pub use branch_directory::PgBranchDirectory;
pub use change_listener::ChangeListener;
pub use first_start::ensure_main;
pub use key_directory::PgKeyDirectory;
pub use migrate::migrate;
pub use operation_signals::PgOperationSignals;
pub use presence::Presence;
pub use rate_limiter::PgRateLimiter;
pub use unit_of_work::PgControlPlane;
