//! Long work: claimed, carried out step by step, resumed after a crash by any replica.

mod create;
mod delete;
mod discard;
mod progress;
mod reset;
mod runner;
mod undo;

pub use runner::{OperationPorts, OperationRunner, OperationSettings};
