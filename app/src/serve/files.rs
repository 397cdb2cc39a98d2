//! The files that other processes read: where the server is, and the local owner's key.

use serde::Serialize;
use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Where a server is reached, for scripts and for the command line on the same machine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ServerFile {
    /// Base URL.
    pub(crate) url: String,
    /// URL of the MCP endpoint.
    pub(crate) mcp_url: String,
    /// Process id.
    pub(crate) pid: u32,
    /// The data folder.
    pub(crate) data_dir: PathBuf,
}

/// The file in the data folder that says where its server is.
pub(crate) fn server_file(data_dir: &Path) -> PathBuf {
    data_dir.join("server.json")
}

/// The file in the data folder with the local owner's service key.
pub(crate) fn owner_key_file(data_dir: &Path) -> PathBuf {
    data_dir.join("owner-key")
}

/// Makes a folder that its owner writes and others may pass through: PostgreSQL runs as another user below it when we are root.
pub(super) fn make_data_dir(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o711).create(path)
}

/// Writes a file that only its owner reads, whole or not at all.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let written = (|| {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}
