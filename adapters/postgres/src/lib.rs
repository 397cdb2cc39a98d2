//! Control plane, branch databases under row level security, schema catalogue.

#[cfg(feature = "control")]
pub mod control;
#[cfg(feature = "data")]
pub mod data;
#[cfg(feature = "provision")]
pub mod provision;
pub mod wire;
