//! The superuser's password: made once, kept in a file that only we can read.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rand::distr::{Alphanumeric, SampleString};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    error::ClusterError,
    folders::{make_dirs, sync_names},
};

const LENGTH: usize = 40;

fn file_in(data_dir: &Path) -> PathBuf {
    data_dir.join("secrets/superuser-password")
}

/// The password of an existing cluster.
pub(crate) fn read(data_dir: &Path) -> Result<SecretString, ClusterError> {
    let path = file_in(data_dir);
    match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned().into()),
        _ => Err(ClusterError::PasswordMissing { path }),
    }
}

/// The password for a cluster about to be made: on the disk before the cluster is, so that no cluster ever lacks it.
pub(crate) fn make(data_dir: &Path) -> Result<SecretString, ClusterError> {
    let path = file_in(data_dir);
    if let Ok(kept) = read(data_dir) {
        return Ok(kept);
    }
    let password = SecretString::from(Alphanumeric.sample_string(&mut rand::rng(), LENGTH));
    let folder = path.parent().unwrap_or(data_dir);
    make_dirs(folder, 0o700).map_err(ClusterError::not_writable(folder))?;
    let beside = path.with_extension("new");
    let written = write(&beside, &password).and_then(|()| fs::rename(&beside, &path)).and_then(|()| sync_names(folder));
    written.map_err(ClusterError::not_writable(path))?;
    Ok(password)
}

/// Writes the password to a file that only its owner may read.
pub(crate) fn write(path: &Path, password: &SecretString) -> io::Result<()> {
    // One left by a crash may belong to somebody else.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", password.expose_secret())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(read(dir.path()), Err(ClusterError::PasswordMissing { .. })));
        let made = make(dir.path()).unwrap();
        assert_eq!(made.expose_secret().len(), LENGTH);
        assert_eq!(make(dir.path()).unwrap().expose_secret(), made.expose_secret());
        let bits = |path: &str| fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(bits("secrets"), 0o700);
        assert_eq!(bits("secrets/superuser-password"), 0o600);
    }
}
