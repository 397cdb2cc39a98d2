//! Cloning by `pg_dump`, `pg_restore` and COPY: the databases behind branches are made, filled, verified, opened and dropped here.

mod build;
mod builder;
mod child;
mod claim;
mod connect;
mod contended;
mod copy;
mod database;
mod definitions;
mod error;
mod hex;
mod kept_connections;
mod logins;
mod masking;
mod meter;
mod quoting;
mod schema;
mod setting_value;
mod settings;
mod stock;
mod tools;
mod watch;

pub use builder::PgBranchBuilder;
pub use logins::{Entrance, PgBranchLogins, PgLoginRestorer};
pub use masking::MaskingSettings;
pub use schema::PgSchemas;
pub use settings::{Login, LoginSessions, Place, Server, Settings, StockSettings};
pub use tools::{ToolProblem, Tools};
pub use watch::{PgWatch, WatchLimits};
