//! The folders of a cluster: where PostgreSQL's own files are, and how folders are made with a stated mode, whatever the umask.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Where in a data folder PostgreSQL's own files are: a folder, or what is mounted or linked in its place.
pub fn pgdata(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres")
}

/// Makes `path` and what is missing on the way to it; only what was made gets `mode`.
pub(crate) fn make_dirs(path: &Path, mode: u32) -> io::Result<()> {
    let missing: Vec<PathBuf> = path.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).map(Path::to_owned).collect();
    for dir in missing.iter().rev() {
        match fs::create_dir(dir) {
            Ok(()) => fs::set_permissions(dir, fs::Permissions::from_mode(mode))?,
            // Another process was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    if path.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// Whether the folder has nothing in it but what is named in `except`.
pub(crate) fn is_empty_but_for(folder: &Path, except: &str) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        if entry?.file_name() != except {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Puts the names in a folder on the disk, so that a rename survives a power failure.
pub(crate) fn sync_names(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_missing_gets_the_mode() {
        let dir = tempfile::tempdir().unwrap();
        let before = fs::metadata(dir.path()).unwrap().permissions();
        make_dirs(&dir.path().join("a/b"), 0o711).unwrap();
        make_dirs(&dir.path().join("a/b"), 0o700).unwrap();
        for made in ["a", "a/b"] {
            let mode = fs::metadata(dir.path().join(made)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o711);
        }
        assert_eq!(fs::metadata(dir.path()).unwrap().permissions(), before);
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), "").unwrap();
        assert!(make_dirs(&dir.path().join("f"), 0o700).is_err());
        assert!(make_dirs(&dir.path().join("f/g"), 0o700).is_err());
    }
}
