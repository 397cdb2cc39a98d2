//! Cloning by `pg_dump`, `pg_restore` and COPY: the databases behind branches are made, filled, verified, opened and dropped here.

mod admission;
mod build;
mod builder;
mod capture;
mod child;
mod claim;
mod connect;
mod create;
mod default_grants;
mod definitions;
mod drop;
mod empty;
mod error;
mod finish;
mod give_way;
mod grants;
mod inventory;
mod large_objects;
mod leader;
mod left_out;
mod locale;
mod materialized;
mod meter;
mod quoting;
mod rows;
mod sequences;
mod settings;
mod tag;
mod toc;
mod tools;
mod users;
mod verify;
mod withholding;

pub use builder::PgBranchBuilder;
pub use settings::{Login, Place, Server, Settings};
pub use tools::{ToolProblem, Tools};
