//! The data of branches under row level security: typed requests become one statement each, which runs as the caller's role in one round trip.

mod branch_databases;
mod catalogue;
mod chunks;
mod database;
mod document;
mod exchange;
mod failure;
mod json_rows;
mod lent_rows;
mod one_row;
mod session;
mod settings;
mod shares;
mod sql;
mod written;

pub use branch_databases::PgBranchDatabases;
pub use settings::{Login, Settings};
