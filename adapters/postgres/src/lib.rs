//! Control plane, branch databases under row level security, schema catalogue.

pub mod control;
pub mod data;
pub mod migrations;
pub mod provision;
pub mod wire;
