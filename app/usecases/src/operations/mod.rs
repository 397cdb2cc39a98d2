//! Long work: claimed, carried out step by step, resumed after a crash by any replica.

mod create;
mod delete;
mod progress;
mod runner;

pub use runner::{OperationPorts, OperationRunner, OperationSettings};
