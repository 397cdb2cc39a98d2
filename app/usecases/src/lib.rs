//! One file per use case: what Fluxbase decides, between what is asked of it and what it asks of the world.

pub mod acquaintances;
pub mod authenticate;
pub mod branches;
mod fingerprints;
pub mod guard;
pub mod keys;
pub mod list_audit;
pub mod operations;
pub mod retire;
pub mod routing;
pub mod sessions;
pub mod tables;
pub mod users;

#[cfg(test)]
mod testing;
mod trail;
