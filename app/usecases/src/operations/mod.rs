//! Long work: claimed, carried out step by step, resumed after a crash by any replica.

mod applied;
mod call_off;
mod create;
mod delete;
mod discard;
mod drift;
mod ending;
mod halt;
mod migrate;
mod migration_report;
mod peoples_time;
mod progress;
mod rehearsal;
mod reset;
mod runner;
mod seed;
mod sown;
mod trial;
mod undo;
mod upkeep;

pub use runner::{OperationPorts, OperationRunner, OperationSettings};
pub use upkeep::Upkeep;
