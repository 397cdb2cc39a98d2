//! The lock that keeps a second server off a data folder.

use std::{
    fs::{self, File, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use crate::error::ClusterError;

/// The file's name in the data folder.
pub(crate) const LOCK_FILE: &str = "lock";

/// Held as long as this lives; the kernel lets go when the process dies, however it dies.
#[derive(Debug)]
pub(crate) struct DataLock(File);

impl DataLock {
    /// Takes the lock, or names the process that has it.
    pub(crate) fn take(data_dir: &Path) -> Result<Self, ClusterError> {
        let path = data_dir.join(LOCK_FILE);
        let mut file =
            fs::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(ClusterError::not_writable(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                return Err(ClusterError::InUse {
                    data_dir: data_dir.to_owned(),
                    pid: file.read_to_string(&mut pid).ok().and_then(|_| pid.trim().parse().ok()),
                });
            }
            Err(TryLockError::Error(source)) => return Err(ClusterError::NotWritable { path, source }),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(ClusterError::not_writable(&path))?;
        Ok(Self(file))
    }
}

impl Drop for DataLock {
    fn drop(&mut self) {
        // Closing would do it too; a child between fork and exec may hold a copy of the descriptor a moment longer.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_is_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataLock::take(dir.path()).unwrap();
        let refused = DataLock::take(dir.path()).unwrap_err();
        let ClusterError::InUse { pid, .. } = &refused else { panic!("{refused:?}") };
        assert_eq!(*pid, Some(std::process::id()));
        assert!(refused.to_string().contains(&format!("process {}", std::process::id())));
        drop(first);
        DataLock::take(dir.path()).unwrap();
    }
}
