//! What is wrong with a configuration: which key, which value, where it came from, and what would be right.

use std::path::PathBuf;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// A key that nothing reads.
    #[error("unknown key '{key}' ({source_name}); {hint}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands.
        source_name: String,
        /// The known ones.
        hint: String,
    },
    /// A value that will not do.
    #[error("{key}{} ({source_name}): {expected}", assigned(.value))]
    Invalid {
        /// The key.
        key: String,
        /// The value as it was given; empty where `expected` speaks of it.
        value: String,
        /// Where it stands.
        source_name: String,
        /// What would be right.
        expected: String,
    },
    /// The file that was named is not there or cannot be read.
    #[error("cannot read the configuration file {}: {reason}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Anything else that the loader says.
    #[error("{0}")]
    Other(String),
}

fn assigned(value: &str) -> String {
    if value.is_empty() { String::new() } else { format!(" = {value}") }
}
