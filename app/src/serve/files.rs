//! The files that other processes read: where the server is, and the local owner's key.

use serde::Serialize;
use std::{
    fs::{self, File},
    io::{self, Seek, Write},
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
    PrivateFile::reserve(path, content.len())?.publish(content)
}

/// A file that only its owner will read, not yet in its place, and room for it on the disk: what is made for it can be kept.
#[derive(Debug)]
pub(super) struct PrivateFile {
    path: PathBuf,
    /// Its name until it is whole.
    beside: PathBuf,
    file: File,
}

impl PrivateFile {
    /// Fails where the folder cannot be written to, or has no room for so many bytes.
    pub(super) fn reserve(path: &Path, bytes: usize) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let beside = path.with_file_name(name);
        let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        let mut reserved = Self { path: path.to_owned(), beside, file };
        reserved.file.write_all(&vec![b' '; bytes])?;
        reserved.file.sync_all()?;
        Ok(reserved)
    }

    /// Puts the file into its place with this content.
    pub(super) fn publish(mut self, content: &[u8]) -> io::Result<()> {
        self.file.rewind()?;
        self.file.write_all(content)?;
        self.file.set_len(content.len() as u64)?;
        self.file.sync_all()?;
        fs::rename(&self.beside, &self.path)
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        // Not there any more once it is in its place.
        let _ = fs::remove_file(&self.beside);
    }
}

#[cfg(test)]
mod tests {
    use super::{PrivateFile, write_private};
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn a_file_is_there_whole_and_private_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("owner-key");
        let reserved = PrivateFile::reserve(&path, 100).unwrap();
        assert!(!path.exists());
        drop(reserved);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "what was given up is gone");
        PrivateFile::reserve(&path, 100).unwrap().publish(b"short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        write_private(&path, b"a longer one than that before").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"a longer one than that before");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_told_before_there_is_anything_to_keep() {
        let folder = tempfile::tempdir().unwrap();
        assert!(PrivateFile::reserve(&folder.path().join("not/there"), 1).is_err());
    }
}
