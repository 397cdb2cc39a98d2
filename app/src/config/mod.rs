//! Configuration: flags over environment over `fluxbase.yaml` over defaults, parsed into valid values before anything starts.

mod duration;
mod error;
mod explain;
mod load;
mod place;
mod secret;
mod sections;
mod validate;

pub(crate) use duration::Duration;
pub(crate) use error::ConfigError;
pub(crate) use load::{Flags, Loaded, load};
pub(crate) use secret::Secret;
pub(crate) use sections::{LogFormat, LogSection, Settings};

use std::path::PathBuf;

/// The JSON schema of `fluxbase.yaml`.
pub(crate) fn schema() -> serde_json::Value {
    schemars::schema_for!(Settings).to_value()
}

/// Where the embedded PostgreSQL keeps its data when nobody says: `/var/lib/fluxbase` for root, else the platform's data folder.
pub(crate) fn default_data_dir() -> PathBuf {
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/var/lib/fluxbase");
    }
    match etcetera::choose_base_strategy() {
        Ok(strategy) => etcetera::BaseStrategy::data_dir(&strategy).join("fluxbase"),
        Err(_) => PathBuf::from(".fluxbase/data"),
    }
}
